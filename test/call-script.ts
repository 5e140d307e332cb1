import { DEFAULT_BUDGET } from '../src/call/budget.ts';
import { type Call, parseCallId, type Rules, type Said } from '../src/call/call.ts';
import type { DraftOrder, Effect } from '../src/call/effects.ts';
import type { CallFact } from '../src/call/events.ts';
import type { CallInput, DraftChunk, DraftedTool, TimerName } from '../src/call/inputs.ts';
import { newCall, step } from '../src/call/machine.ts';
import { headOf, restore } from '../src/call/snapshot.ts';
import type { Transcript } from '../src/call/transcript.ts';

/** Rules with recognisable lines, for scripts of calls. */
export const SCRIPT_RULES: Rules = {
  agent: { name: 'front-desk', version: '1' },
  greeting: 'Hello, front desk.',
  budget: DEFAULT_BUDGET,
  fillers: ['One moment.', 'Let me see.'],
  progress: ['Still on it.'],
  fallback: { line: 'Say that again?' },
  giveUp: { after: 3, line: 'Please call later.', action: { kind: 'end' } },
  reminders: ['Are you there?', 'Hello?'],
  farewell: 'Goodbye.',
  handoff: 'Connecting you.',
  uncertain: 'Did that go through? Shall I try again?',
  cutShort: 'I lost my thread.',
  escalation: [],
};

/**
 * A whole call as a script over the pure machine: feed inputs, move time, read what was sent. Time is a number,
 * timers fire when it passes them, and commits are stored at once; nothing here waits.
 */
export class CallScript {
  call: Call;
  now = 1_000_000;
  readonly effects: Effect[] = [];
  readonly #timers = new Map<TimerName, number>();
  /** Commits stay unconfirmed while this is set: what a crash would find. */
  holdsCommits = false;

  constructor(rules: Partial<Rules> = {}, call?: Call) {
    const id = parseCallId('call_00000001');
    if (!id) throw new Error('a script needs a well-formed call id');
    this.call = call ?? newCall(id, 1, { ...SCRIPT_RULES, ...rules }, this.now, {});
  }

  open(isProven = true): this {
    return this.feed({ kind: 'opened', at: this.now, isProven, isResumed: false });
  }

  ask(responseId: number, transcript: Transcript, ask: 'response' | 'reminder' = 'response'): this {
    return this.feed({ kind: 'asked', at: this.now, ask, responseId, transcript, secondAfterMs: 2_000 });
  }

  /** A chunk of the newest draft, or of the one named. */
  chunk(chunk: DraftChunk, draftId = this.draft().draftId): this {
    return this.feed({ kind: 'chunk', at: this.now, draftId, chunk });
  }

  sentence(text: string, draftId?: string): this {
    return this.chunk({ kind: 'sentence', text }, draftId);
  }

  end(draftId?: string): this {
    return this.chunk({ kind: 'end' }, draftId);
  }

  tools(...requests: readonly DraftedTool[]): this {
    return this.chunk({ kind: 'tools', requests });
  }

  fail(reason = 'model.unavailable', draftId = this.draft().draftId): this {
    return this.feed({ kind: 'draftFailed', at: this.now, draftId, reason });
  }

  /** Moves time, firing the turn's clocks on the way. */
  wait(byMs: number): this {
    const end = this.now + byMs;
    for (;;) {
      const due = [...this.#timers].filter(([, at]) => at <= end).sort((a, b) => a[1] - b[1])[0];
      if (!due) break;
      const [timer, at] = due;
      this.#timers.delete(timer);
      this.now = Math.max(this.now, at);
      this.feed({ kind: 'timer', at: this.now, timer });
    }
    this.now = end;
    return this;
  }

  feed(input: CallInput): this {
    const { call, effects } = step(this.call, input);
    this.call = call;
    for (const effect of effects) this.#note(effect);
    return this;
  }

  /** The process dies and another takes the call: only what was committed is left. */
  crashAndResume(): CallScript {
    const stored = {
      head: JSON.parse(JSON.stringify(headOf(this.call))),
      utterances: this.call.transcript.map((utterance, index) => ({ ...utterance, index })),
    };
    const resumed = new CallScript({}, restore(this.call.id, this.call.epoch + 1, stored, this.call.rules));
    resumed.now = this.now + 1_000;
    return resumed.feed({ kind: 'opened', at: resumed.now, isProven: true, isResumed: true });
  }

  #note(effect: Effect): void {
    this.effects.push(effect);
    if (effect.kind === 'arm') this.#timers.set(effect.timer, effect.at);
    if (effect.kind === 'disarm') this.#timers.delete(effect.timer);
    if (effect.kind === 'commit' && effect.tag && !this.holdsCommits) {
      this.feed({ kind: 'committed', at: this.now, tag: effect.tag });
    }
  }

  /** The newest draft order. */
  draft(): DraftOrder {
    const order = this.drafts().at(-1);
    if (!order) throw new Error('no draft was started');
    return order;
  }

  drafts(): readonly DraftOrder[] {
    return this.effects.flatMap((effect) => (effect.kind === 'draft' ? [effect.order] : []));
  }

  aborted(): readonly string[] {
    return this.effects.flatMap((effect) => (effect.kind === 'abort' ? [effect.draftId] : []));
  }

  /** What was sent under a response id, closing chunks as `∎` with their action. */
  sent(responseId: number): readonly string[] {
    return this.effects.flatMap((effect) => {
      if (effect.kind !== 'say' || effect.responseId !== responseId) return [];
      const words = effect.text.trim() === '' ? [] : [effect.text.trim()];
      return effect.isComplete ? [...words, `∎${effect.action ? ` ${effect.action.kind}` : ''}`] : words;
    });
  }

  toolsRun(): readonly string[] {
    return this.effects.flatMap((effect) => (effect.kind === 'tool' ? [effect.use.toolCallId] : []));
  }

  settle(toolCallId: string, content = 'ok'): this {
    return this.feed({ kind: 'toolSettled', at: this.now, toolCallId, outcome: { kind: 'done', content } });
  }

  facts<T extends CallFact['type']>(type: T): readonly Extract<CallFact, { type: T }>[] {
    return this.effects.flatMap((effect) =>
      effect.kind === 'record' && effect.fact.type === type ? [effect.fact as Extract<CallFact, { type: T }>] : [],
    );
  }

  said(): readonly Said[] {
    return this.call.phase.kind === 'speaking' ? this.call.phase.turn.said : [];
  }
}

/** A transcript from lines like `user: hello`. */
export function transcriptOf(...lines: readonly string[]): Transcript {
  return lines.map((line) => {
    const [role, ...words] = line.split(': ');
    return { role: role === 'agent' ? 'agent' : 'user', content: words.join(': ') };
  });
}

import { DEFAULT_BUDGET } from '../src/call/budget.ts';
import {
  type Call,
  type DraftChunk,
  type DraftedTool,
  parseCallId,
  type Rules,
  type Said,
  type StoredCall,
} from '../src/call/call.ts';
import type { DraftOrder, Effect } from '../src/call/effects.ts';
import type { CallFact } from '../src/call/events.ts';
import type { CallInput, CommitTag, TimerName } from '../src/call/inputs.ts';
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
  /** Commits are stored, but nobody hears of it, while this is set. */
  holdsCommits = false;
  /** Called after every input, its effects noted. */
  onStep: () => void = () => {};
  readonly #timers = new Map<TimerName, number>();
  readonly #held: CommitTag[] = [];
  /** The call as each commit stored it, from the last one that was confirmed on. */
  #stored: Call[];
  /** The first of these was confirmed: no crash loses it. */
  #isCertain: boolean;

  constructor(rules: Partial<Rules> = {}, stored?: Call) {
    const id = parseCallId('call_00000001');
    if (!id) throw new Error('a script needs a well-formed call id');
    this.call = stored ?? newCall(id, 1, { ...SCRIPT_RULES, ...rules }, this.now, {});
    this.#stored = stored ? [stored] : [];
    this.#isCertain = stored !== undefined;
  }

  open(isProven = true): this {
    return this.feed({ kind: 'opened', at: this.now, isProven, isResumed: this.#stored.length > 0 });
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
    this.onStep();
    return this;
  }

  /** The commits held back are confirmed. */
  confirmCommits(): this {
    for (const tag of this.#held.splice(0)) this.#confirm(tag);
    return this;
  }

  /**
   * The process dies and another takes the call, one epoch higher: only what was committed is left, less up to
   * `lostCommits` that nobody had been told of. The socket is not yet open.
   */
  crash(lostCommits = 0): CallScript {
    const kept = this.#stored[Math.max(this.#isCertain ? 0 : -1, this.#stored.length - 1 - lostCommits)];
    const { id, epoch, rules } = this.call;
    const next = new CallScript(rules, kept && asRestored(kept, epoch + 1));
    if (!kept) next.call = newCall(id, epoch + 1, rules, this.now, {});
    next.now = this.now + 1_000;
    return next;
  }

  /** The same, its last commits stored and the socket dialled anew. */
  crashAndResume(): CallScript {
    return this.crash().open();
  }

  #note(effect: Effect): void {
    this.effects.push(effect);
    if (effect.kind === 'arm') this.#timers.set(effect.timer, effect.at);
    if (effect.kind === 'disarm') this.#timers.delete(effect.timer);
    if (effect.kind !== 'commit') return;
    this.#stored.push(this.call);
    if (!effect.tag) return;
    if (this.holdsCommits) this.#held.push(effect.tag);
    else this.#confirm(effect.tag);
  }

  #confirm(tag: CommitTag): void {
    this.#stored = this.#stored.slice(-1);
    this.#isCertain = true;
    this.feed({ kind: 'committed', at: this.now, tag });
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

/** The call as another process finds it: written down, read, taken again. */
export function asRestored(call: Call, epoch: number): Call {
  const stored: StoredCall = {
    head: JSON.parse(JSON.stringify(headOf(call))),
    utterances: call.transcript.map((utterance, index) => ({ ...utterance, index })),
  };
  const restored = restore(call.id, epoch, stored, call.rules);
  if (!restored) throw new Error('a call just stored could not be read');
  return restored;
}

/** A transcript from lines like `user: hello`. */
export function transcriptOf(...lines: readonly string[]): Transcript {
  return lines.map((line) => {
    const [role, ...words] = line.split(': ');
    return { role: role === 'agent' ? 'agent' : 'user', content: words.join(': ') };
  });
}

import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { asRestored, CallScript, SCRIPT_RULES } from '../../test/call-script.ts';
import type { Action, DraftChunk, ToolOutcome } from './call.ts';
import type { Effect } from './effects.ts';
import type { CallFact } from './events.ts';
import type { TimerName } from './inputs.ts';
import { openTurn } from './phases.ts';
import type { Transcript, Utterance } from './transcript.ts';

/** One thing that happens to a call. Numbers choose among what is there, so that any sequence can be played. */
type Happening =
  | { readonly kind: 'ask'; readonly ahead: number; readonly isReminder: boolean; readonly heardRatio: number }
  | { readonly kind: 'chunk'; readonly draft: number; readonly chunk: DraftChunk }
  | { readonly kind: 'fail'; readonly draft: number }
  | { readonly kind: 'settle'; readonly tool: number; readonly outcome: ToolOutcome }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'timer'; readonly timer: TimerName }
  | { readonly kind: 'heard'; readonly heardRatio: number }
  | { readonly kind: 'interject'; readonly action: Action | undefined }
  | { readonly kind: 'holdCommits' | 'confirmCommits' | 'prove' | 'lose' | 'end' }
  /** Without a `lose` before it, the process died. */
  | { readonly kind: 'redial'; readonly lostCommits: number };

/** Records as JSON would give them back. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { noNullPrototype: true });

const END: Action = { kind: 'end' };
const actions = fc.constantFrom<Action>(
  END,
  { kind: 'transfer', number: '+15550100' },
  { kind: 'digits', digits: '1' },
);
const heardRatio = fc.constantFrom(0, 0.5, 1);
const tool = record({
  name: fc.constantFrom('book_table', 'check_table'),
  arguments: fc.constant('{}'),
  isSafe: fc.boolean(),
});
const chunk: fc.Arbitrary<DraftChunk> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'sentence', text: '' } as const) },
  {
    weight: 2,
    arbitrary: record({ kind: fc.constant('tools'), requests: fc.array(tool, { minLength: 1, maxLength: 3 }) }),
  },
  { weight: 1, arbitrary: record({ kind: fc.constant('action'), action: actions }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'end' } as const) },
);
const outcome: fc.Arbitrary<ToolOutcome> = fc.oneof(
  fc.constantFrom<ToolOutcome>({ kind: 'done', content: 'ok' }, { kind: 'failed', content: 'no' }, { kind: 'unknown' }),
  record({ kind: fc.constant('done'), content: fc.constant('ok'), action: actions }),
);
const draft = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) });
const kind = <K extends string>(name: K) => fc.constant(name);

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 5,
    arbitrary: record({
      kind: kind('ask'),
      ahead: fc.constantFrom(-1, 0, 1, 1, 1, 2),
      isReminder: fc.boolean(),
      heardRatio,
    }),
  },
  { weight: 7, arbitrary: record({ kind: kind('chunk'), draft, chunk }) },
  { weight: 2, arbitrary: record({ kind: kind('fail'), draft }) },
  { weight: 3, arbitrary: record({ kind: kind('settle'), tool: fc.nat(3), outcome }) },
  {
    weight: 4,
    arbitrary: record({ kind: kind('wait'), ms: fc.constantFrom(1, 300, 699, 700, 1_300, 2_000, 4_000, 31_000) }),
  },
  {
    weight: 1,
    arbitrary: record({
      kind: kind('timer'),
      timer: fc.constantFrom<TimerName>('filler', 'second', 'final', 'limit', 'hangUp'),
    }),
  },
  { weight: 1, arbitrary: record({ kind: kind('heard'), heardRatio }) },
  { weight: 1, arbitrary: record({ kind: kind('interject'), action: fc.option(actions, { nil: undefined }) }) },
  { weight: 1, arbitrary: record({ kind: fc.constantFrom('holdCommits', 'confirmCommits', 'prove', 'lose') }) },
  { weight: 1, arbitrary: record({ kind: kind('redial'), lostCommits: fc.nat(2) }) },
);

/** Plays happenings over the pure machine, as Retell and the responder would, and holds the machine to its promises. */
class Play {
  #script = new CallScript();
  #cursor = 0;
  /** What the caller heard, as Retell tells it. */
  #transcript: readonly Utterance[] = [];
  /** Words sent since the last ask. */
  #sent: string[] = [];
  #greetings = 0;
  #sentences = 0;
  #newestAsk = 0;
  /** Of this socket. */
  #closed = new Set<number>();
  #askedHere = 0;
  /** The id that words may be said for, 0 aside. */
  #current: number | undefined;
  #toolsHere = new Set<string>();
  #isConnected = true;
  #isAwaiting = false;
  /** Tools were waited for in this turn, whichever turn asked for them. */
  #hasAwaited = false;
  /** When the newest turn was asked for, or taken up again. */
  #turnSince = 0;
  #isResumedTurn = false;
  #aborted = new Set<string>();
  /** The open ask: since when it is owed, when words were first sent for it, and when last the wait for an answer began. */
  #owed:
    | { readonly id: number; readonly since: number; firstWordsAt: number | undefined; waitsSince: number }
    | undefined;
  readonly #wordsOf = new Map<string, string>();

  constructor() {
    this.#begin(this.#script);
  }

  play(happening: Happening): void {
    const script = this.#script;
    const at = script.now;
    switch (happening.kind) {
      case 'ask':
        this.#ask(happening);
        break;
      case 'chunk': {
        const draftId = this.#draft(happening.draft);
        if (draftId !== undefined) script.chunk(this.#worded(happening.chunk, draftId), draftId);
        break;
      }
      case 'fail': {
        const draftId = this.#draft(happening.draft);
        if (draftId !== undefined) script.fail('model.unavailable', draftId);
        break;
      }
      case 'settle': {
        const toolCallId = script.toolsRun().at(-1 - happening.tool);
        if (toolCallId) script.feed({ kind: 'toolSettled', at, toolCallId, outcome: happening.outcome });
        break;
      }
      case 'wait':
        script.wait(happening.ms);
        break;
      case 'timer':
        // One of this socket that was stopped too late; a turn taken up again has only the clocks it was given here.
        if (!this.#isResumedTurn) script.feed({ kind: 'timer', at, timer: happening.timer });
        break;
      case 'heard':
        script.feed({ kind: 'heard', at, transcript: this.#heard(happening.heardRatio) });
        break;
      case 'interject': {
        const { action } = happening;
        script.feed({ kind: 'interject', at, text: 'By the way.', ...(action && { action }) });
        break;
      }
      case 'holdCommits':
        script.holdsCommits = true;
        break;
      case 'confirmCommits':
        script.holdsCommits = false;
        script.confirmCommits();
        break;
      case 'prove':
        script.feed({ kind: 'proven', at });
        break;
      case 'lose':
        this.#owed = undefined;
        script.feed({ kind: 'lost', at });
        this.#isConnected = false;
        break;
      case 'end':
        script.feed({ kind: 'ended', at, reason: 'user_hangup' });
        break;
      case 'redial':
        if (script.call.phase.kind !== 'over') this.#begin(script.crash(this.#isConnected ? happening.lostCommits : 0));
        break;
      default:
        happening satisfies never;
    }
  }

  #ask({ ahead, isReminder, heardRatio }: Extract<Happening, { kind: 'ask' }>): void {
    if (!this.#isConnected) return;
    const id = Math.max(1, this.#newestAsk + ahead);
    if (id < this.#newestAsk && id >= this.#askedHere) return; // Retell's ids only rise, over sockets too
    if (id > this.#newestAsk) {
      this.#transcript = [
        ...this.#heard(heardRatio),
        ...(isReminder ? [] : [{ role: 'user', content: 'yes' } as const]),
      ];
      this.#sent = [];
    }
    this.#newestAsk = Math.max(this.#newestAsk, id);
    const { call, now } = this.#script;
    if (id >= this.#askedHere) {
      const isNew = id !== openTurn(call)?.responseId && !this.#closed.has(id) && call.phase.kind !== 'over';
      if (isNew) {
        this.#owed = { id, since: now, firstWordsAt: undefined, waitsSince: now };
        this.#turnSince = now;
        this.#isResumedTurn = false;
        this.#isAwaiting = false;
        this.#hasAwaited = false;
      }
      this.#askedHere = id;
      this.#current = id;
    }
    this.#script.ask(id, this.#transcript, isReminder ? 'reminder' : 'response');
  }

  #begin(script: CallScript): void {
    this.#script = script;
    this.#cursor = 0;
    this.#closed = new Set();
    this.#askedHere = 0;
    this.#toolsHere = new Set();
    const turn = openTurn(script.call);
    this.#current = turn?.responseId;
    const { now } = script;
    this.#turnSince = now;
    this.#isResumedTurn = turn !== undefined;
    this.#isConnected = true;
    this.#isAwaiting = false;
    this.#hasAwaited = false;
    const firstWordsAt = turn && turn.said.length > 0 ? now : undefined;
    this.#owed = turn && { id: turn.responseId, since: now, firstWordsAt, waitsSince: now };
    script.onStep = () => this.#check();
    script.open();
  }

  /** The transcript with as much of what was sent since the last ask as was spoken by now; of a first word, some was. */
  #heard(ratio: number): Transcript {
    const words = this.#sent.join(' ').split(' ');
    const fewest = this.#transcript.some(({ role }) => role === 'agent') ? 0 : 1;
    const content = words.slice(0, Math.max(fewest, Math.ceil(words.length * ratio))).join(' ');
    return content === '' ? this.#transcript : [...this.#transcript, { role: 'agent', content }];
  }

  #draft(back: number): string | undefined {
    return this.#script.drafts().at(-1 - back)?.draftId;
  }

  /** Every sentence is its own, so that it is known whose it was when it is spoken. */
  #worded(chunk: DraftChunk, draftId: string): DraftChunk {
    if (chunk.kind !== 'sentence') return chunk;
    const text = `Sentence ${++this.#sentences}.`;
    this.#wordsOf.set(text, draftId);
    return { kind: 'sentence', text };
  }

  #check(): void {
    const { effects, call, now } = this.#script;
    this.#checkTime(now);
    for (; this.#cursor < effects.length; this.#cursor++) {
      const effect = effects[this.#cursor];
      if (effect) this.#checkEffect(effect, now);
    }
    if (call.phase.kind === 'over') this.#owed = undefined;
    const turn = openTurn(call);
    this.#isAwaiting = turn !== undefined && turn.awaiting.length > 0;
    this.#hasAwaited ||= this.#isAwaiting;
    ensure((turn?.drafts.length ?? 0) <= 2, 'at most two drafts race');
    ensure(isDeepStrictEqual(asRestored(call, call.epoch), call), 'a call restored from its snapshot is the same call');
  }

  /** What was owed until now, before what was done about it now. */
  #checkTime(now: number): void {
    const owed = this.#owed;
    if (!owed) return;
    if (this.#isAwaiting) owed.waitsSince = now;
    ensure(now - owed.since <= 30_000, `ask ${owed.id} is closed within 30 s`);
    ensure((owed.firstWordsAt ?? now) - owed.since <= 1_000, `ask ${owed.id} is spoken to within 1 s`);
    ensure(now - owed.waitsSince <= 6_000, `ask ${owed.id} waits for no draft longer than 6 s`);
  }

  #checkEffect(effect: Effect, now: number): void {
    ensure(this.#isConnected || effect.kind !== 'say', 'nothing is said without a socket');
    switch (effect.kind) {
      case 'say':
        this.#checkSay(effect, now);
        break;
      case 'draft':
        // An answer that broke off is given its time again.
        if (this.#owed && effect.order.said.some(({ kind }) => kind === 'answer')) this.#owed.waitsSince = now;
        break;
      case 'abort':
        this.#aborted.add(effect.draftId);
        break;
      case 'tool':
        ensure(!this.#toolsHere.has(effect.use.toolCallId), 'a tool use is started once on a socket');
        this.#toolsHere.add(effect.use.toolCallId);
        break;
      case 'record':
        this.#checkPatience(effect.fact, now);
        break;
      default:
        break;
    }
  }

  #checkPatience(fact: CallFact, now: number): void {
    if (fact.type !== 'call.turn' || !fact.failure?.startsWith('turn.')) return;
    // After a tool the model has what is left of the turn's time, and never less than two tries.
    const answerMs = fact.tools > 0 || this.#hasAwaited ? 3_999 : 5_999;
    const patienceMs = fact.failure === 'turn.limit' ? 29_999 : answerMs;
    ensure(now - this.#turnSince >= patienceMs, `a turn is given up as ${fact.failure} after its time and not before`);
  }

  #checkSay({ responseId: id, text, isComplete }: Extract<Effect, { kind: 'say' }>, now: number): void {
    const words = text.trim();
    ensure(!this.#closed.has(id), `nothing is said for ${id} after it was closed on this socket`);
    // Before anything is asked on a new socket, the end of the last answer may be sent once more.
    const isEndAgain = this.#current === undefined && words === '' && isComplete;
    ensure(id === 0 || id === this.#current || isEndAgain, `nothing is said for ${id} while ${this.#current} is asked`);
    if (isComplete) this.#closed.add(id);
    if (words === SCRIPT_RULES.greeting) this.#greetings += 1;
    ensure(this.#greetings <= 1, 'the greeting is spoken once');
    if (words !== '') this.#sent.push(words);
    const draftId = this.#wordsOf.get(words);
    ensure(draftId === undefined || !this.#aborted.has(draftId), 'an aborted draft is never spoken');
    this.#wordsOf.delete(words); // what was spoken once may be said again to a caller who did not hear it
    const owed = this.#owed;
    if (!owed || owed.id !== id) return;
    if (words !== '') owed.firstWordsAt ??= now;
    // An answer has begun: from here on its draft is watched by the responder, and by the 30 s.
    if (draftId !== undefined) owed.waitsSince = Number.POSITIVE_INFINITY;
    if (isComplete) this.#owed = undefined;
  }
}

function ensure(isTrue: boolean, promise: string): void {
  if (!isTrue) throw new Error(`broken: ${promise}`);
}

describe('a call', () => {
  it('keeps its promises whatever happens in whatever order', () => {
    const promises = fc.property(
      fc.array(happening, { maxLength: 60, size: 'max' }),
      fc.boolean(),
      (happenings, isEnded) => {
        const play = new Play();
        for (const one of happenings) play.play(one);
        if (isEnded) play.play({ kind: 'end' });
        play.play({ kind: 'wait', ms: 31_000 });
      },
    );
    void fc.assert(promises, { numRuns: 1_000 }); // a failure prints its seed
  });
});

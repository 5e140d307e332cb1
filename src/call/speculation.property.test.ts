import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallScript } from '../../test/call-script.ts';
import type { DraftChunk } from './call.ts';
import type { DraftOrder, Effect } from './effects.ts';
import { openTurn } from './phases.ts';
import type { Transcript, Utterance } from './transcript.ts';

/** One thing that happens to a call whose drafts are started early. Numbers choose among what is there. */
type Happening =
  /** The user says a word more, and Retell tells; its recogniser may take it for a sentence's end. */
  | { readonly kind: 'word'; readonly word: string; readonly mark: string }
  /** The recogniser changes its mind about the last word, or how it is written. */
  | { readonly kind: 'revise'; readonly word: string | undefined; readonly mark: string }
  /** The agent's words are heard: what the user says next is another utterance. */
  | { readonly kind: 'agent' }
  | {
      readonly kind: 'ask';
      readonly ahead: number;
      readonly isReminder: boolean;
      /** The last word, as the ask has it; undefined: as it was told. */
      readonly revision: string | undefined;
    }
  | { readonly kind: 'chunk'; readonly draft: number; readonly chunk: DraftChunk['kind'] }
  | { readonly kind: 'fail'; readonly draft: number }
  | { readonly kind: 'settle'; readonly tool: number; readonly isKnown: boolean }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'stable' | 'interject' | 'holdCommits' | 'confirmCommits' | 'prove' | 'lose' | 'redial' };

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { noNullPrototype: true });
const kind = <K extends string>(name: K) => fc.constant(name);
const word = fc.constantFrom('table', 'two', 'eight', 'no');
const mark = fc.constantFrom('', '', '.', '?', '...');
const draft = fc.constantFrom(0, 0, 0, 1, 2);

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 8, arbitrary: record({ kind: kind('word'), word, mark }) },
  { weight: 2, arbitrary: record({ kind: kind('revise'), word: fc.option(word, { nil: undefined }), mark }) },
  { weight: 2, arbitrary: record({ kind: kind('agent') }) },
  {
    weight: 6,
    arbitrary: record({
      kind: kind('ask'),
      ahead: fc.constantFrom(-1, 0, 1, 1, 1, 1, 2),
      isReminder: fc.constantFrom(false, false, false, true),
      revision: fc.option(word, { freq: 4, nil: undefined }),
    }),
  },
  {
    weight: 9,
    arbitrary: record({
      kind: kind('chunk'),
      draft,
      chunk: fc.constantFrom<DraftChunk['kind']>('sentence', 'sentence', 'tools', 'tools', 'action', 'end', 'end'),
    }),
  },
  { weight: 1, arbitrary: record({ kind: kind('fail'), draft }) },
  { weight: 3, arbitrary: record({ kind: kind('settle'), tool: fc.nat(2), isKnown: fc.boolean() }) },
  {
    weight: 5,
    arbitrary: record({ kind: kind('wait'), ms: fc.constantFrom(1, 60, 100, 200, 400, 600, 700, 2_000, 6_000) }),
  },
  {
    weight: 3,
    arbitrary: record({
      kind: fc.constantFrom('stable', 'interject', 'holdCommits', 'confirmCommits', 'prove', 'lose'),
    }),
  },
  { weight: 2, arbitrary: record({ kind: kind('redial') }) },
);

const seen = { speculative: 0, adopted: 0, wasted: 0, toolsOfAdopted: 0 };

/** Plays happenings over the pure machine, and knows by its own means what an ask has in common with a draft. */
class Play {
  #script = new CallScript({ speculates: true });
  #cursor = 0;
  #transcript: readonly Utterance[] = [];
  #chunks = 0;
  #isConnected = true;
  #newestAsk = 0;
  /** Of this socket. */
  #askedHere = 0;
  #closed = new Set<number>();
  /** The newest ask that is not answered yet. */
  #owed: number | undefined;
  /** What the ask that is being read says, while it is read. */
  #asking: Transcript | undefined;
  readonly #orders = new Map<string, DraftOrder>();
  readonly #fate = new Map<string, 'adopt' | 'abort'>();

  constructor() {
    this.#begin(this.#script);
  }

  play(happening: Happening): void {
    const script = this.#script;
    const at = script.now;
    switch (happening.kind) {
      case 'word':
        this.#say(happening.word + happening.mark, false);
        break;
      case 'revise':
        this.#say(`${happening.word ?? lastWord(this.#transcript)}${happening.mark}`, true);
        break;
      case 'agent':
        this.#transcript = [...this.#transcript, { role: 'agent', content: 'Well.' }];
        script.feed({ kind: 'heard', at, transcript: this.#transcript });
        break;
      case 'ask':
        this.#ask(happening);
        break;
      case 'chunk': {
        const draftId = this.#draft(happening.draft);
        if (draftId !== undefined) script.chunk(this.#chunkOf(happening.chunk, draftId), draftId);
        break;
      }
      case 'fail': {
        const draftId = this.#draft(happening.draft);
        if (draftId !== undefined) script.fail('model.unavailable', draftId);
        break;
      }
      case 'settle': {
        const toolCallId = script.toolsRun().at(-1 - happening.tool);
        const outcome = happening.isKnown ? ({ kind: 'done', content: 'ok' } as const) : ({ kind: 'unknown' } as const);
        if (toolCallId) script.feed({ kind: 'toolSettled', at, toolCallId, outcome });
        break;
      }
      case 'wait':
        script.wait(happening.ms);
        break;
      case 'stable':
        script.feed({ kind: 'timer', at, timer: 'stable' });
        break;
      case 'interject':
        script.feed({ kind: 'interject', at, text: 'By the way.' });
        if (this.#isConnected) this.#owed = undefined;
        break;
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
      case 'redial':
        this.#begin(script.crash());
        break;
      default:
        happening satisfies never;
    }
  }

  /** Longer than any turn may stay open. */
  finish(): void {
    this.play({ kind: 'confirmCommits' });
    this.#script.wait(31_000);
    ensure(this.#owed === undefined, `ask ${this.#owed} is answered`);
    this.#script.feed({ kind: 'ended', at: this.#script.now, reason: 'user_hangup' });
    for (const { draftId, speculatesOn } of this.#script.drafts()) {
      const isOpen = speculatesOn && this.#script.call.speculation?.draft?.id === draftId;
      ensure(!isOpen, 'a call that is over holds no draft');
    }
  }

  #say(text: string, isRevision: boolean): void {
    const last = this.#transcript.at(-1);
    const words = last?.role === 'user' ? last.content.split(' ') : [];
    if (isRevision) words.pop();
    const content = [...words, text].join(' ');
    this.#transcript = [...(last?.role === 'user' ? this.#transcript.slice(0, -1) : this.#transcript), user(content)];
    this.#script.feed({ kind: 'heard', at: this.#script.now, transcript: this.#transcript });
  }

  #ask({ ahead, isReminder, revision }: Extract<Happening, { kind: 'ask' }>): void {
    if (!this.#isConnected) return;
    const id = Math.max(1, this.#newestAsk + ahead);
    if (id < this.#newestAsk && id >= this.#askedHere) return; // Retell's ids only rise, over sockets too
    const last = this.#transcript.at(-1);
    if (revision !== undefined && last?.role === 'user') {
      const words = [...last.content.split(' ').slice(0, -1), revision];
      this.#transcript = [...this.#transcript.slice(0, -1), user(words.join(' '))];
    }
    this.#newestAsk = Math.max(this.#newestAsk, id);
    if (id >= this.#askedHere) {
      if (!this.#closed.has(id)) this.#owed = id;
      this.#askedHere = id;
    }
    this.#asking = isReminder || id < this.#askedHere ? undefined : this.#transcript;
    this.#script.ask(id, this.#transcript, isReminder ? 'reminder' : 'response');
    this.#asking = undefined;
  }

  #begin(script: CallScript): void {
    this.#script = script;
    this.#cursor = 0;
    this.#closed = new Set();
    this.#askedHere = 0;
    this.#isConnected = true;
    this.#owed = openTurn(script.call)?.responseId;
    ensure(script.call.speculation === undefined, 'a call taken again has no speculation');
    script.onStep = () => this.#check();
    script.open();
  }

  #draft(back: number): string | undefined {
    return this.#script.drafts().at(-1 - back)?.draftId;
  }

  /** Sentences and tools are named for their draft, so that it is known whose they were. */
  #chunkOf(chunk: DraftChunk['kind'], draftId: string): DraftChunk {
    const name = `${draftId}#${++this.#chunks}`;
    if (chunk === 'sentence') return { kind: 'sentence', text: name };
    if (chunk === 'tools')
      return { kind: 'tools', requests: [{ name, arguments: '{}', isSafe: this.#chunks % 2 > 0 }] };
    return chunk === 'action' ? { kind: 'action', action: { kind: 'digits', digits: '1' } } : { kind: 'end' };
  }

  #check(): void {
    const { effects } = this.#script;
    for (; this.#cursor < effects.length; this.#cursor++) {
      const effect = effects[this.#cursor];
      if (effect) this.#checkEffect(effect);
    }
  }

  #checkEffect(effect: Effect): void {
    switch (effect.kind) {
      case 'draft': {
        const { draftId, speculatesOn } = effect.order;
        ensure(!this.#orders.has(draftId), `no two drafts are called ${draftId}`);
        ensure(!speculatesOn || this.#script.call.running.length === 0, 'nothing is guessed while a tool runs');
        this.#orders.set(draftId, effect.order);
        if (speculatesOn) seen.speculative++;
        break;
      }
      case 'adopt': {
        const order = this.#decide(effect.draftId, 'adopt');
        ensure(this.#asking !== undefined, 'a draft is adopted by an ask, and by nothing else');
        ensure(gist(order.transcript) === gist(this.#asking ?? []), 'a draft is adopted by an ask for its own words');
        break;
      }
      case 'abort':
        if (this.#orders.get(effect.draftId)?.speculatesOn && !this.#fate.has(effect.draftId)) {
          this.#decide(effect.draftId, 'abort');
        }
        break;
      case 'tool':
        this.#ensureAsked(effect.use.name, 'a tool runs');
        if (this.#orders.get(draftOf(effect.use.name))?.speculatesOn) seen.toolsOfAdopted++;
        break;
      case 'say':
        this.#checkSay(effect);
        break;
      case 'record':
        if (effect.fact.type === 'call.speculated') seen[effect.fact.outcome]++;
        break;
      default:
        break;
    }
  }

  #checkSay({ responseId, text, isComplete }: Extract<Effect, { kind: 'say' }>): void {
    ensure(this.#isConnected, 'nothing is said without a socket');
    ensure(!this.#closed.has(responseId), `nothing is said for ${responseId} after it was closed`);
    if (text.includes('#')) this.#ensureAsked(text, 'a sentence is said');
    if (!isComplete) return;
    this.#closed.add(responseId);
    if (this.#owed === responseId) this.#owed = undefined;
  }

  #ensureAsked(name: string, what: string): void {
    const draftId = draftOf(name);
    const isOurs = !this.#orders.get(draftId)?.speculatesOn || this.#fate.get(draftId) === 'adopt';
    ensure(this.#orders.has(draftId) && isOurs, `${what} only once its draft's words were asked for`);
  }

  #decide(draftId: string, fate: 'adopt' | 'abort'): DraftOrder {
    const order = this.#orders.get(draftId);
    if (!order) throw new Error(`broken: ${draftId} was started`);
    ensure(
      order.speculatesOn !== undefined && !this.#fate.has(draftId),
      'what becomes of a speculative draft is said once',
    );
    this.#fate.set(draftId, fate);
    return order;
  }
}

/** The draft a sentence or tool is named for; several sentences come joined after a redial. */
function draftOf(name: string): string {
  return name.trim().split('#')[0] ?? '';
}

function user(content: string): Utterance {
  return { role: 'user', content };
}

function lastWord(transcript: Transcript): string {
  return transcript.at(-1)?.content.split(' ').at(-1)?.replace(/\W/g, '') ?? 'table';
}

/** Who said which words, punctuation aside, as plainly as can be. */
function gist(transcript: Transcript): string {
  return transcript.map(({ role, content }) => `${role}: ${content.replace(/[.?]/g, '')}`).join('\n');
}

function ensure(isTrue: boolean, promise: string): void {
  if (!isTrue) throw new Error(`broken: ${promise}`);
}

describe('a call that speculates', () => {
  it('runs no tool and says no word before the ask they are for, and answers every ask once', () => {
    const promises = fc.property(fc.array(happening, { maxLength: 40, size: 'max' }), (happenings) => {
      const play = new Play();
      for (const one of happenings) play.play(one);
      play.finish();
    });
    void fc.assert(promises, { numRuns: 10_000 }); // a failure prints its seed
    // The schedules were about something.
    expect(seen.adopted).toBeGreaterThan(500);
    expect(seen.wasted).toBeGreaterThan(500);
    expect(seen.toolsOfAdopted).toBeGreaterThan(50);
    expect(seen.adopted + seen.wasted).toBeLessThanOrEqual(seen.speculative);
  }, 60_000);
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LanguageModel, ModelChunk, ModelRequest } from '../../src/ports/language-model.ts';
import { systemClock } from '../../src/std/clock.ts';
import { Fault } from '../../src/std/fault.ts';

/** What the model is made to do next. */
export type ModelPlay =
  /** Says "Good day.", then calls `book` with `{ guests: 2 }` and, where it can call twice, `{ guests: 3 }`, and finishes. */
  | 'words and calls'
  /** Says "Good day." and then nothing, without an end. */
  | 'words and silence'
  /** Nothing comes, not even the beginning of an answer. */
  | 'silence'
  /** Fails before the first word. */
  | 'failure'
  /** Says "Good day." and breaks off. */
  | 'cut';

/** One adapter under test, with a provider that does as it is told. */
export interface ModelSubject {
  make(play: ModelPlay): Promise<LanguageModel>;
  /** Settles once the provider has been reached by a request. */
  reached(): Promise<void>;
  /** Settles once nothing of any request is held: no socket, no reader, no timer. */
  freed(): Promise<void>;
  close(): Promise<void>;
}

/** What an adapter cannot do for want of a provider: rules in the same process are never cut. */
export interface ModelLimits {
  readonly cannot: readonly ModelPlay[];
  /** Tools it can call in one answer. */
  readonly calls: 1 | 2;
}

const SECRET = 'my card is 4242';
const request: ModelRequest = {
  messages: [{ role: 'user', content: SECRET }],
  tools: [{ name: 'book', description: 'Books.', parameters: { type: 'object' } }],
};
const idle = new AbortController().signal;
const superseded = new Fault('cancelled', 'turn.superseded', 'expected words, a newer ask came');
/** What "promptly" may be on a busy machine; the adapters' own tests measure it closer. */
const PROMPT_MS = 1_000;

/** A case that a model cannot be brought into is not one of its cases: nothing is skipped. */
function when(isPossible: boolean): (title: string, test: () => Promise<void>) => void {
  return isPossible ? (title, test) => it(title, test) : () => {};
}

/** What every language model must do. */
export function languageModelContract(name: string, open: () => Promise<ModelSubject>, limits: ModelLimits): void {
  const can = (play: ModelPlay) => !limits.cannot.includes(play);

  describe(`the language model contract over ${name}`, () => {
    let subject: ModelSubject;
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(() => subject.close());

    it('is named by provider and model', async () => {
      expect((await subject.make('words and calls')).name).toMatch(/^[^/\s]+\/\S+$/);
    });

    it('gives the words in order, then whole tool calls in order, then the end, and nothing after it', async () => {
      const { chunks, thrown } = await read(await subject.make('words and calls'), idle);
      expect(thrown).toBeUndefined();
      const told = chunks.filter((chunk) => chunk.kind !== 'text' || chunk.text !== '');
      expect(told.map(({ kind }) => kind).join(' ')).toMatch(/^(text )+(toolCall )+end$/);
      expect(wordsOf(chunks)).toBe('Good day.');
      const calls = chunks.flatMap((chunk) => (chunk.kind === 'toolCall' ? [chunk.call] : []));
      const called = calls.map((call) => [call.name, JSON.parse(call.arguments)]);
      expect(called).toEqual([2, 3].slice(0, limits.calls).map((guests) => ['book', { guests }]));
      expect(calls.every(({ id }) => id !== '')).toBe(true);
      expect(new Set(calls.map(({ id }) => id)).size).toBe(limits.calls);
      await subject.freed();
    });

    it('asks nobody for a signal that is already aborted', async () => {
      const { chunks, thrown } = await read(await subject.make('words and calls'), AbortSignal.abort(superseded));
      expect(chunks).toEqual([]);
      expect(thrown).toBe(superseded);
      await subject.freed();
    });

    when(can('silence'))('lets go at once when aborted before the first word', async () => {
      await abortedWhen(await subject.make('silence'), () => subject.reached());
    });

    when(can('words and silence'))('lets go at once when aborted amid the words', async () => {
      await abortedWhen(await subject.make('words and silence'), (spoken) => spoken);
    });

    it('ends at once when aborted at its first word, though what had come before may still be told', async () => {
      const model = await subject.make('words and calls');
      const controller = new AbortController();
      const startedAt = systemClock.now();
      const { thrown } = await read(model, controller.signal, () => controller.abort(superseded));
      expect([undefined, superseded]).toContain(thrown);
      await subject.freed();
      expect(systemClock.now() - startedAt).toBeLessThan(PROMPT_MS);
    });

    when(can('words and silence'))('lets go when its reader leaves', async () => {
      const model = await subject.make('words and silence');
      for await (const chunk of model.stream(request, idle)) if (chunk.kind === 'text') break;
      await subject.freed();
    });

    when(can('failure'))('fails with a Fault that repeats nothing of what was said', async () => {
      const { chunks, thrown } = await read(await subject.make('failure'), idle);
      expect(thrown).toBeInstanceOf(Fault);
      expect(thrown).toMatchObject({ reason: expect.stringMatching(/^model\./) });
      expect(chunks).toEqual([]);
      expect(printed(thrown)).not.toContain(SECRET);
      await subject.freed();
    });

    when(can('cut'))('calls a stream without an end cut, after the words that came', async () => {
      const { chunks, thrown } = await read(await subject.make('cut'), idle);
      expect(wordsOf(chunks)).toBe('Good day.');
      expect(chunks.some(({ kind }) => kind === 'end')).toBe(false);
      expect(thrown).toMatchObject({ name: 'Fault', kind: 'unavailable', reason: 'model.stream_cut' });
      await subject.freed();
    });

    /** Aborts once `ready` says so; the stream must end promptly, with the signal's reason or without an end. */
    async function abortedWhen(model: LanguageModel, ready: (spoken: Promise<void>) => Promise<void>): Promise<void> {
      const controller = new AbortController();
      const spoken = Promise.withResolvers<void>();
      const reading = read(model, controller.signal, spoken.resolve);
      await ready(spoken.promise);
      const abortedAt = systemClock.now();
      controller.abort(superseded);
      const { chunks, thrown } = await reading;
      await subject.freed();
      expect(systemClock.now() - abortedAt).toBeLessThan(PROMPT_MS);
      expect([undefined, superseded]).toContain(thrown);
      expect(chunks.some(({ kind }) => kind === 'end')).toBe(false);
    }
  });
}

/** Reads to the end; `onWord` is told of every chunk with words. Whatever was thrown is given back, Fault or not. */
async function read(model: LanguageModel, signal: AbortSignal, onWord: () => void = () => {}) {
  const chunks: ModelChunk[] = [];
  let thrown: unknown;
  try {
    for await (const chunk of model.stream(request, signal)) {
      chunks.push(chunk);
      if (chunk.kind === 'text' && chunk.text !== '') onWord();
    }
  } catch (error) {
    thrown = error;
  }
  return { chunks, thrown };
}

function wordsOf(chunks: readonly ModelChunk[]): string {
  return chunks.map((chunk) => (chunk.kind === 'text' ? chunk.text : '')).join('');
}

function printed(thrown: unknown): string {
  if (!(thrown instanceof Fault)) return '';
  const { message, detail, cause } = thrown;
  return `${message} ${JSON.stringify(detail)} ${String(cause)}`;
}

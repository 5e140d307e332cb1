import { describe, expect, it } from 'vitest';
import type { LanguageModel, ModelChunk } from '../ports/language-model.ts';
import { sleep } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { type GuardOptions, guardModel } from './model-guard.ts';

const request = { messages: [{ role: 'user', content: 'hello' }], tools: [] } as const;
const idle = new AbortController().signal;
const broken = new Fault('unavailable', 'test.broken', 'expected an answer, broke on purpose');

type Step = { readonly afterMs: number } & ({ readonly chunk: ModelChunk } | { readonly fault: Fault });

const text = (afterMs: number, words = 'word '): Step => ({ afterMs, chunk: { kind: 'text', text: words } });
const end = (afterMs = 0): Step => ({ afterMs, chunk: { kind: 'end' } });

/** A model that follows a script of waits, chunks and faults, and tells what became of its streams. */
function scriptModel(clock: ManualClock, script: (nth: number) => readonly Step[]) {
  const seen = { streams: 0, aborted: [] as string[], closed: 0 };
  const model: LanguageModel = {
    name: 'test/script',
    async *stream(_request, signal) {
      const steps = script(seen.streams++);
      signal.addEventListener('abort', () => seen.aborted.push((signal.reason as Fault).reason));
      try {
        for (const step of steps) {
          await sleep(clock, step.afterMs, signal);
          if ('fault' in step) throw step.fault;
          yield step.chunk;
        }
      } finally {
        seen.closed++;
      }
    },
  };
  return { model, seen };
}

function setUp(script: (nth: number) => readonly Step[], options: Partial<GuardOptions> = {}) {
  const clock = new ManualClock();
  const { model, seen } = scriptModel(clock, script);
  return { clock, seen, guard: guardModel(model, { clock, slots: 10, ...options }) };
}

/** Reads a stream to its end; `outcome` is a Fault's reason or 'ended'. */
async function read(guard: LanguageModel, signal = idle) {
  const chunks: ModelChunk[] = [];
  let outcome = 'ended';
  try {
    for await (const chunk of guard.stream(request, signal)) chunks.push(chunk);
  } catch (error) {
    outcome = error instanceof Fault ? error.reason : 'not a Fault';
  }
  return { chunks, outcome };
}

/** Moves time only until the stream has ended: an open breaker is not to come due meanwhile. */
async function finish(clock: ManualClock, reading: Promise<{ readonly outcome: string }>) {
  let isDone = false;
  const done = reading.finally(() => {
    isDone = true;
  });
  while (!isDone) await clock.advance(50);
  return done;
}

const HANG: readonly Step[] = [text(1_000_000)];

describe('what passes through', () => {
  it('passes chunks on and ends', async () => {
    const { guard, clock, seen } = setUp(() => [text(10, 'Good '), text(10, 'day.'), end()]);
    const reading = read(guard);
    await clock.advance(20);
    expect(await reading).toEqual({
      chunks: [{ kind: 'text', text: 'Good ' }, { kind: 'text', text: 'day.' }, { kind: 'end' }],
      outcome: 'ended',
    });
    expect(seen).toMatchObject({ aborted: [], closed: 1 });
    expect(guard.name).toBe('test/script');
  });

  it('takes empty text for a sign of life and does not pass it on', async () => {
    const { guard, clock } = setUp(() => [text(1_900, ''), text(1_400, ''), text(1_400, 'word'), end()]);
    const reading = read(guard);
    await clock.advance(5_000);
    expect(await reading).toEqual({ chunks: [{ kind: 'text', text: 'word' }, { kind: 'end' }], outcome: 'ended' });
  });

  it('aborts the model when its reader leaves', async () => {
    const { guard, clock, seen } = setUp(() => [text(0), text(0), end()]);
    const reading = (async () => {
      for await (const _ of guard.stream(request, idle)) break;
    })();
    await clock.advance(0);
    await reading;
    expect(seen).toMatchObject({ aborted: ['model.abandoned'], closed: 1 });
  });

  it('throws a foreign error as a Fault', async () => {
    const model: LanguageModel = {
      name: 'test/foreign',
      stream() {
        throw new TypeError('not ours');
      },
    };
    const guard = guardModel(model, { clock: new ManualClock(), slots: 1 });
    expect((await read(guard)).outcome).toBe('model.unexpected');
  });
});

describe('deadlines', () => {
  it('gives up after six seconds without a first chunk, and frees the model', async () => {
    const { guard, clock, seen } = setUp(() => HANG);
    const reading = read(guard);
    await clock.advance(5_999);
    expect(seen.aborted).toEqual([]);
    await clock.advance(1);
    expect((await reading).outcome).toBe('model.first_token_timeout');
    expect(seen).toMatchObject({ aborted: ['model.first_token_timeout'], closed: 1 });
  });

  it('gives up on a model that ignores its signal', async () => {
    const clock = new ManualClock();
    const deaf: LanguageModel = {
      name: 'test/deaf',
      async *stream() {
        await new Promise(() => {});
        yield { kind: 'end' };
      },
    };
    const reading = read(guardModel(deaf, { clock, slots: 1 }));
    await clock.advance(6_000);
    expect((await reading).outcome).toBe('model.first_token_timeout');
  });

  it('gives up after a second and a half of silence between chunks', async () => {
    const { guard, clock, seen } = setUp(() => [text(0), ...HANG]);
    const reading = read(guard);
    await clock.advance(1_499);
    expect(seen.aborted).toEqual([]);
    await clock.advance(1);
    expect(await reading).toMatchObject({ chunks: [{ kind: 'text' }], outcome: 'model.stalled' });
  });

  it('does not hold a slow reader against the model', async () => {
    const { guard, clock } = setUp(() => [text(0), text(0), end()]);
    let words = 0;
    const reading = (async () => {
      for await (const chunk of guard.stream(request, idle)) {
        if (chunk.kind === 'text') words++;
        await sleep(clock, 10_000, idle);
      }
    })();
    await clock.advance(40_000);
    await reading;
    expect(words).toBe(2);
  });

  it('says so when a stream just stops', async () => {
    const { guard, clock } = setUp(() => [text(0)]);
    const reading = read(guard);
    await clock.advance(0);
    expect((await reading).outcome).toBe('model.ended_early');
  });
});

describe('the breaker', () => {
  /** Five streams, each read to its end. */
  async function readFive(script: readonly Step[]) {
    const built = setUp(() => script);
    for (let i = 0; i < 5; i++) {
      await finish(built.clock, read(built.guard));
    }
    return built;
  }

  it.each([
    ['fails before its first chunk', [{ afterMs: 10, fault: broken }]],
    ['fails after a good start', [text(10), { afterMs: 10, fault: broken }]],
    ['stalls', [text(10), ...HANG]],
    ['stops without a word', []],
    ['never answers', HANG],
    ['is slow though it answers', [text(2_001), end()]],
  ] satisfies [
    string,
    readonly Step[],
  ][])('opens after five streams in a row of a model that %s', async (_, script) => {
    const { guard, seen } = await readFive(script);
    expect(guard.state().state).toBe('open');
    expect((await read(guard)).outcome).toBe('breaker.open');
    expect(seen.streams).toBe(5);
  });

  it('stays closed for a model that answers within two seconds', async () => {
    const { guard } = await readFive([text(2_000), text(1_499), end()]);
    expect(guard.state()).toEqual({ state: 'closed' });
  });

  it('lets a slow stream go on to its end', async () => {
    const { guard, clock } = setUp(() => [text(5_000, 'At last.'), end()]);
    const reading = read(guard);
    await clock.advance(5_000);
    expect(await reading).toMatchObject({ chunks: [{ kind: 'text', text: 'At last.' }, { kind: 'end' }] });
  });

  it('counts a stream once, even when it was slow and then failed', async () => {
    const { guard, clock } = setUp(() => [text(2_500), { afterMs: 0, fault: broken }]);
    for (let i = 0; i < 4; i++) {
      await finish(clock, read(guard));
    }
    expect(guard.state().state).toBe('closed');
  });

  async function cancelFive(script: readonly Step[], afterMs: number) {
    const { guard, clock } = setUp(() => script);
    for (let i = 0; i < 5; i++) {
      const controller = new AbortController();
      const reading = read(guard, controller.signal);
      await clock.advance(afterMs);
      controller.abort(new Fault('cancelled', 'turn.superseded', 'expected words, a newer ask came'));
      expect((await reading).outcome).toBe('turn.superseded');
    }
    return guard.state().state;
  }

  it('counts streams cancelled before they were judged as nothing', async () => {
    expect(await cancelFive(HANG, 1_999)).toBe('closed');
  });

  it('counts streams cancelled after a good start as good', async () => {
    expect(await cancelFive([text(100), ...HANG], 500)).toBe('closed');
  });

  it('finds out a model that hangs although the call cancels it before its timeout', async () => {
    expect(await cancelFive(HANG, 2_001)).toBe('open');
  });

  it('closes again when a probe answers in time', async () => {
    const built = setUp((nth) => (nth < 5 ? [{ afterMs: 0, fault: broken }] : [text(100), end()]));
    for (let i = 0; i < 5; i++) {
      const reading = read(built.guard);
      await built.clock.advance(0);
      await reading;
    }
    await built.clock.advance(5_000);
    const probe = read(built.guard);
    await built.clock.advance(0);
    expect(built.guard.state().state).toBe('halfOpen');
    await built.clock.advance(100);
    expect((await probe).outcome).toBe('ended');
    expect(built.guard.state().state).toBe('closed');
  });
});

describe('the bulkhead', () => {
  it('refuses the third stream of two, and that is no failure of the model', async () => {
    const { guard, clock, seen } = setUp(() => [text(100), end()], { slots: 2 });
    const readings = [read(guard), read(guard)];
    await clock.advance(0);
    for (let i = 0; i < 10; i++) expect((await read(guard)).outcome).toBe('bulkhead.full');
    expect(guard.state().state).toBe('closed');
    expect(seen.streams).toBe(2);
    await clock.advance(100);
    await Promise.all(readings);
    const next = read(guard);
    await clock.advance(100);
    expect((await next).outcome).toBe('ended');
  });
});

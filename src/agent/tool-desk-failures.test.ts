import { describe, expect, it } from 'vitest';
import {
  type BookDefinition,
  counting,
  crashedDesk,
  done,
  EIGHT,
  EIGHT_KEY,
  never,
  setUpDesk,
} from '../../test/desk-rig.ts';
import { memoryToolLedger } from '../adapters/memory/tool-ledger.ts';
import type { ToolLedger } from '../ports/tool-ledger.ts';
import { sleep } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import { type ManualClock, settle } from '../std/manual-clock.ts';
import { refuse } from './tools.ts';

const away = new Fault('exhausted', 'test.ledger_away', 'the ledger is away');

describe('after a crash in mid-run', () => {
  it('an idempotent tool runs again, under the same idempotency key', async () => {
    const { ask, seen, claimedAs } = await crashedDesk('idempotent');
    expect(await ask(EIGHT)).toEqual(done('booked'));
    expect(seen.keys).toEqual(claimedAs);
  });

  it('a once tool without lookup does not: its outcome is unknown, again and again', async () => {
    const { ask, seen } = await crashedDesk('once');
    expect(await ask(EIGHT)).toMatchObject({ kind: 'unknown' });
    expect(await ask(EIGHT)).toMatchObject({ kind: 'unknown' });
    expect(seen.effects).toEqual([]);
  });

  it('a once tool without lookup runs when the caller has granted it, once', async () => {
    const { ask, seen } = await crashedDesk('once');
    expect(await ask(EIGHT, { granted: [EIGHT_KEY] })).toEqual(done('booked'));
    expect(await ask(EIGHT, { granted: [EIGHT_KEY] })).toMatchObject({ kind: 'done' });
    expect(seen.effects).toHaveLength(1);
  });

  it('what the lookup finds is the result, for good', async () => {
    const looked: string[] = [];
    const lookup: BookDefinition['lookup'] = async ({ time }, { idempotencyKey }) => {
      looked.push(idempotencyKey);
      return { found: time };
    };
    const { ask, seen, claimedAs } = await crashedDesk('once', { lookup });
    expect(await ask(EIGHT)).toMatchObject({ kind: 'done', content: '{"found":"20:00"}' });
    expect(await ask(EIGHT)).toEqual({ kind: 'done', content: '{"found":"20:00"}' });
    expect(seen.effects).toEqual([]);
    expect(looked).toEqual(claimedAs);
  });

  it('what the lookup does not find is done now, once', async () => {
    const { ask, seen } = await crashedDesk('once', { lookup: async () => undefined });
    expect(await Promise.all([ask(EIGHT), ask(EIGHT)])).toEqual([done('booked'), done('booked')]);
    expect(await ask(EIGHT)).toMatchObject({ kind: 'done', content: 'booked' });
    expect(seen.effects).toHaveLength(1);
  });

  it('a lookup that throws leaves it unknown', async () => {
    const lookup: BookDefinition['lookup'] = async () => {
      throw new Error('the register is away');
    };
    const { ask, seen } = await crashedDesk('once', { lookup });
    expect(await ask(EIGHT)).toMatchObject({ kind: 'unknown' });
    expect(seen.effects).toEqual([]);
    expect(await ask(EIGHT, { granted: [EIGHT_KEY] })).toEqual(done('booked'));
  });

  it('a lookup that hangs leaves it unknown at the deadline', async () => {
    const { ask, seen, clock } = await crashedDesk('once', { lookup: never, timeoutMs: 3_000 });
    const asked = ask(EIGHT);
    await clock.advance(3_000);
    expect(await asked).toMatchObject({ kind: 'unknown' });
    expect(seen.effects).toEqual([]);
  });

  it('a granted retry still looks first: what took place is not done again', async () => {
    const { ask, seen } = await crashedDesk('once', { lookup: async () => 'it is booked' });
    expect(await ask(EIGHT, { granted: [EIGHT_KEY] })).toMatchObject({ kind: 'done', content: 'it is booked' });
    expect(seen.effects).toEqual([]);
  });
});

describe('a tool that throws', () => {
  const throwing =
    (thrown: unknown, before: () => void = () => {}): BookDefinition['run'] =>
    () => {
      before();
      throw thrown;
    };

  it.each([
    'safe',
    'idempotent',
    'once',
  ] as const)('refuse() in a %s tool tells the model and frees the key', async (effect) => {
    let isTaken = true;
    const run: BookDefinition['run'] = () => {
      if (isTaken) throw refuse('that table is taken');
      return 'booked';
    };
    const { book } = counting(effect, { run, lookup: async () => 'must not be asked' });
    const { ask } = setUpDesk({ book });
    expect(await ask(EIGHT)).toEqual({ kind: 'failed', content: 'that table is taken' });
    isTaken = false;
    expect(await ask(EIGHT)).toEqual(done('booked'));
  });

  it.each(['safe', 'idempotent'] as const)('in a %s tool has failed, and may run again', async (effect) => {
    const { book, seen } = counting(effect, { run: throwing(new Error('secret words of 555-0100')) });
    const { ask } = setUpDesk({ book });
    expect(await ask(EIGHT)).toEqual({ kind: 'failed', content: 'this did not work' });
    expect(await ask(EIGHT)).toEqual({ kind: 'failed', content: 'this did not work' });
    expect(seen.effects).toHaveLength(2);
  });

  it.each([
    new TypeError('x is not a function'),
    new Fault('invalid', 'shop.bad_second_step', 'the first step was done'),
    new Fault('conflict', 'shop.conflict', 'perhaps done'),
    new Fault('exhausted', 'shop.busy', '429 from the second of two services'),
    'a text',
    undefined,
  ])('as a once tool leaves its outcome unknown: %s', async (thrown) => {
    const { book, seen } = counting('once', { run: throwing(thrown) });
    const { ask } = setUpDesk({ book });
    expect(await ask(EIGHT)).toMatchObject({ kind: 'unknown' });
    expect(await ask(EIGHT)).toMatchObject({ kind: 'unknown' });
    expect(seen.effects).toHaveLength(1);
  });

  it('as a once tool is looked up: found is done', async () => {
    const { book, seen } = counting('once', {
      run: throwing(new Error('reset')),
      lookup: async () => 'booked after all',
    });
    const { ask } = setUpDesk({ book });
    expect(await ask(EIGHT)).toMatchObject({ kind: 'done', content: 'booked after all' });
    expect(await ask(EIGHT)).toMatchObject({ kind: 'done', content: 'booked after all' });
    expect(seen.effects).toHaveLength(1);
  });

  it('as a once tool is looked up: not found has failed, and the key is free', async () => {
    const { book, seen } = counting('once', { run: throwing(new Error('reset')), lookup: async () => undefined });
    const { ask } = setUpDesk({ book });
    expect(await ask(EIGHT)).toEqual({ kind: 'failed', content: 'this did not work' });
    expect(await ask(EIGHT)).toEqual({ kind: 'failed', content: 'this did not work' });
    expect(seen.effects).toHaveLength(2);
  });

  it('a key() that throws is a failure before anything is claimed or done', async () => {
    const key: BookDefinition['key'] = () => {
      throw new Error('bad key');
    };
    const { book, seen } = counting('once', { key });
    const { ask } = setUpDesk({ book });
    expect(await ask(EIGHT)).toEqual({ kind: 'failed', content: 'this is not available right now' });
    expect(seen.effects).toEqual([]);
  });
});

describe('a tool that does not answer', () => {
  const hanging =
    (landed: () => void, afterMs: number, clock: () => ManualClock): BookDefinition['run'] =>
    async () => {
      await sleep(clock(), afterMs, new AbortController().signal); // deaf to its own signal
      landed();
      return 'booked at last';
    };

  it.each([
    ['safe', { kind: 'failed', content: 'this did not work' }],
    ['idempotent', { kind: 'failed', content: 'this did not work' }],
    ['once', { kind: 'unknown', key: EIGHT_KEY }],
  ] as const)('is given up at its deadline and told to stop: %s', async (effect, outcome) => {
    const stopped: unknown[] = [];
    const run: BookDefinition['run'] = (_args, { signal }) => {
      signal.addEventListener('abort', () => stopped.push(signal.reason));
      return never();
    };
    const { book } = counting(effect, { run, timeoutMs: 3_000 });
    const { ask, clock } = setUpDesk({ book });
    const asked = ask(EIGHT);
    await clock.advance(2_999);
    expect(stopped).toEqual([]);
    await clock.advance(1);
    expect(await asked).toEqual(outcome);
    expect(stopped).toEqual([expect.objectContaining({ kind: 'timeout', reason: 'tool.timeout' })]);
  });

  it('is not run again though its lookup does not find it: it may still land', async () => {
    const landed: number[] = [];
    const run = hanging(
      () => landed.push(clock.now()),
      10_000,
      () => clock,
    );
    const { book, seen } = counting('once', { run, lookup: async () => (landed.length > 0 ? 'found' : undefined) });
    const { ask, clock } = setUpDesk({ book });
    const asked = ask(EIGHT);
    await clock.advance(8_000);
    expect(await asked).toMatchObject({ kind: 'unknown' });
    await clock.advance(2_000);
    expect(await ask(EIGHT, { granted: [EIGHT_KEY] })).toMatchObject({ kind: 'done' });
    expect(seen.effects).toHaveLength(1);
  });

  it('is known to be done once it has ended after all', async () => {
    const run = hanging(
      () => {},
      10_000,
      () => clock,
    );
    const { book, seen } = counting('once', { run });
    const { ask, clock } = setUpDesk({ book });
    const asked = ask(EIGHT);
    await clock.advance(8_000);
    expect(await asked).toMatchObject({ kind: 'unknown' });
    await clock.advance(2_000);
    expect(await ask(EIGHT, { granted: [EIGHT_KEY] })).toEqual({ kind: 'done', content: 'booked at last' });
    expect(seen.effects).toHaveLength(1);
  });
});

describe('when the ledger fails', () => {
  const failing = (method: 'claim' | 'settle' | 'release', ledger = memoryToolLedger()): ToolLedger => ({
    ...ledger,
    [method]: () => Promise.reject(away),
  });

  it.each(['once', 'idempotent'] as const)('a %s tool does not act without its claim', async (effect) => {
    const { book, seen } = counting(effect);
    expect(await setUpDesk({ book }, failing('claim')).ask(EIGHT)).toEqual({
      kind: 'failed',
      content: 'this is not available right now',
    });
    expect(seen.effects).toEqual([]);
  });

  it('a safe tool reads all the same', async () => {
    expect(await setUpDesk({ book: counting('safe').book }, failing('claim')).ask(EIGHT)).toEqual(done('booked'));
  });

  it('to settle, what was done is done, and is not done again', async () => {
    const { book, seen } = counting('once');
    const { ask } = setUpDesk({ book }, failing('settle'));
    expect(await ask(EIGHT)).toEqual(done('booked'));
    expect(await ask(EIGHT)).toMatchObject({ kind: 'unknown' });
    expect(seen.effects).toHaveLength(1);
  });

  it('to settle, what was looked up is done', async () => {
    const { book, ledger } = await crashedDesk('once', { lookup: async () => 'found' });
    expect(await setUpDesk({ book }, failing('settle', ledger)).ask(EIGHT)).toEqual(done('found'));
  });

  it('to release, the model still hears why', async () => {
    const run: BookDefinition['run'] = () => {
      throw refuse('that table is taken');
    };
    const { book } = counting('once', { run });
    expect(await setUpDesk({ book }, failing('release')).ask(EIGHT)).toEqual({
      kind: 'failed',
      content: 'that table is taken',
    });
  });
});

describe('closing the desk', () => {
  it('aborts what runs; the next process finds its outcome unknown', async () => {
    const reasons: unknown[] = [];
    const run: BookDefinition['run'] = (_args, { signal }) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      return never();
    };
    const looked: string[] = [];
    const lookup: BookDefinition['lookup'] = async ({ time }) => void looked.push(time);
    const { book } = counting('once', { run });
    const { book: reserve } = counting('once', { run, lookup });
    const { ask, desk, ledger } = setUpDesk({ book, reserve });
    const asked = [ask(EIGHT), ask(EIGHT, { name: 'reserve' })];
    await settle();
    desk.close();
    desk.close();
    expect(await Promise.all(asked)).toMatchObject([{ kind: 'unknown' }, { kind: 'unknown' }]);
    expect(reasons).toEqual(Array(2).fill(expect.objectContaining({ reason: 'tool.process_stopping' })));
    expect(looked).toEqual([]);
    expect(await setUpDesk({ book }, ledger).ask(EIGHT)).toMatchObject({ kind: 'unknown' });
  });

  it.each(['safe', 'idempotent', 'once'] as const)('starts no %s tool any more', async (effect) => {
    const { book, seen } = counting(effect);
    const { ask, desk } = setUpDesk({ book });
    desk.close();
    expect(await ask(EIGHT)).toEqual({ kind: 'failed', content: 'this is not available right now' });
    expect(seen.effects).toEqual([]);
  });

  it('starts none whose claim was on its way', async () => {
    const ledger = memoryToolLedger();
    const gate = Promise.withResolvers<void>();
    const slow: ToolLedger = { ...ledger, claim: async (...args) => gate.promise.then(() => ledger.claim(...args)) };
    const { book, seen } = counting('once');
    const deaf: ToolLedger = { ...slow, claim: (callId, key) => slow.claim(callId, key, new AbortController().signal) };
    const { ask, desk } = setUpDesk({ book }, deaf);
    const asked = ask(EIGHT);
    await settle();
    desk.close();
    gate.resolve();
    expect(await asked).toMatchObject({ kind: 'unknown' });
    expect(seen.effects).toEqual([]);
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { callStoreContract } from '../../test/contracts/call-store.ts';
import { newCallId, sampleEvent, sampleHead } from '../../test/contracts/samples.ts';
import { inMemory } from '../../test/contracts/subject.ts';
import type { CallId } from '../call/call.ts';
import type { CallEvent } from '../call/events.ts';
import { CALL_TTL_MS } from '../call/live-call.ts';
import type { Commit } from '../ports/call-store.ts';
import { createDependency, type Dependency } from '../resilience/dependency.ts';
import type { Clock } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { type Away, awayAtWill } from './away.fixture.ts';
import { type KeptCallStore, keepCalls, type SharedCallStore } from './kept-call-store.ts';
import { type SharedCalls, sharedCalls } from './shared-calls.fixture.ts';

const signal = new AbortController().signal;
const DEADLINE_MS = 100;
const REST_MS = 500;
/** From the store's return until everything is written. */
const WITHIN_MS = 2_000;

const redisOf = (clock: Clock): Dependency =>
  createDependency(
    { name: 'redis', deadlineMs: DEADLINE_MS, lateReason: 'redis.timeout', restMs: REST_MS, limit: 64 },
    clock,
  );

callStoreContract(
  'a kept store',
  inMemory((clock) =>
    keepCalls({
      store: sharedCalls(clock).seenBy('us'),
      dependency: redisOf(clock),
      onFenced() {},
      clock,
      log: silentLog,
    }),
  ),
);

let clock: ManualClock;
let shared: SharedCalls;
let away: Away<SharedCallStore>;
let others: SharedCallStore;
let kept: KeptCallStore;
let fenced: CallId[];
let callId: CallId;

beforeEach(() => {
  clock = new ManualClock();
  shared = sharedCalls(clock);
  away = awayAtWill(shared.seenBy('us'), clock);
  others = shared.seenBy('them');
  fenced = [];
  const onFenced = (id: CallId) => void fenced.push(id);
  kept = keepCalls({ store: away.port, dependency: redisOf(clock), onFenced, clock, log: silentLog });
  callId = newCallId();
});

const words = (index: number, content = `word ${index}`) => ({ index, role: 'user', content }) as const;

function commitOf(lastAsk: number, rest: Partial<Commit> = {}): Commit {
  const facts = [sampleEvent(callId, lastAsk)];
  return { head: sampleHead(lastAsk), appended: [words(lastAsk)], facts, ...rest };
}

const over = (lastAsk: number) =>
  commitOf(lastAsk, { head: sampleHead(lastAsk, { phase: { kind: 'over', reason: 'x' } }) });

/** What became of it, and after how long. */
async function timed<T>(work: Promise<T>): Promise<{ readonly outcome: T | string; readonly afterMs: number }> {
  const from = clock.now();
  const timing = work
    .catch((thrown: unknown) => (thrown instanceof Fault ? thrown.reason : String(thrown)))
    .then((outcome) => ({ outcome, afterMs: clock.now() - from }));
  await clock.advance(DEADLINE_MS * 3);
  return timing;
}

const commit = async (lastAsk: number, epoch = 1, rest: Partial<Commit> = {}) =>
  (await timed(kept.commit(callId, epoch, commitOf(lastAsk, rest), signal))).outcome;
const take = async () => {
  const { outcome } = await timed(kept.take(callId, signal));
  if (typeof outcome === 'string') throw new Error(outcome);
  return outcome;
};

async function comeBack(): Promise<void> {
  await away.comeBack();
  await clock.advance(WITHIN_MS);
}

/** Long enough for whatever looks and finds the store away to open the breaker. */
async function goAway(mode: Exclude<Away<unknown>['mode'], 'there'>): Promise<void> {
  away.mode = mode;
  await kept.enqueue([], signal).catch(() => undefined);
  for (let i = 0; i < 5; i++) await timed(kept.load(newCallId(), signal));
}

const facts = async (): Promise<readonly CallEvent[]> =>
  (await others.pendingFacts(1_000, signal)).map(({ event }) => event);
const seqs = async () => (await facts()).map(({ seq }) => seq);
const stored = () => others.load(callId, signal);

describe('a store that hangs', () => {
  it.each([
    ['a commit', () => kept.commit(callId, 1, commitOf(2), signal), 'kept'],
    ['a load', () => kept.load(newCallId(), signal), 'redis.timeout'],
    ['a take', () => kept.take(callId, signal), { epoch: 2, stored: { head: sampleHead(1), utterances: [words(1)] } }],
    ['the take of a new call', () => kept.take(newCallId(), signal), { epoch: 1, stored: undefined }],
  ])('keeps %s waiting no longer than its deadline', async (_what, ask, outcome) => {
    await take();
    await commit(1);
    away.mode = 'silent';
    expect(await timed<unknown>(ask())).toEqual({ outcome, afterMs: DEADLINE_MS });
  });

  describe('or takes its time', () => {
    const SLOW_MS = 60;

    it('has one deadline for a commit and what follows from its refusal', async () => {
      await take();
      await others.take(callId, signal);
      away.delayMs = SLOW_MS;
      expect(await timed(kept.commit(callId, 1, commitOf(1), signal))).toEqual({
        outcome: 'kept',
        afterMs: DEADLINE_MS,
      });
    });

    it('has one deadline for a take and what must be written before it', async () => {
      await take();
      away.mode = 'gone';
      expect(await kept.commit(callId, 1, commitOf(1), signal)).toBe('kept');
      await away.comeBack();
      away.delayMs = SLOW_MS;
      expect(await timed(kept.take(callId, signal))).toMatchObject({ outcome: { epoch: 2 }, afterMs: DEADLINE_MS });
    });
  });

  it('is not asked while it rests, after five failures', async () => {
    await take();
    away.mode = 'silent';
    for (let i = 1; i <= 5; i++) await timed(kept.load(newCallId(), signal));
    const { asked } = away;
    expect(await timed(kept.commit(callId, 1, commitOf(1), signal))).toEqual({ outcome: 'kept', afterMs: 0 });
    expect(away.asked).toBe(asked);
  });

  it('is no reason to wait for a commit of a call that is behind already', async () => {
    await take();
    away.mode = 'silent';
    await commit(1);
    expect(await timed(kept.commit(callId, 1, commitOf(2), signal))).toEqual({ outcome: 'kept', afterMs: 0 });
  });
});

describe.each(['gone', 'silent', 'deaf', 'stopped'] as const)('while the store is %s', (mode) => {
  it('keeps what is committed, and writes all of it when the store is back', async () => {
    await take();
    await commit(0);
    away.mode = mode;
    expect(await commit(1)).toBe('kept');
    expect(await commit(2, 1, { appended: [words(2), words(1, 'revised')] })).toBe('kept');
    expect(await commit(3)).toBe('kept');
    await comeBack();
    expect(await stored()).toEqual({
      head: sampleHead(3),
      utterances: [words(0), words(1, 'revised'), words(2), words(3)],
    });
    expect([...new Set(await seqs())]).toEqual([0, 1, 2, 3]);
    expect(await commit(4)).toBe('committed');
    expect(fenced).toEqual([]);
  });

  it('takes a call from memory, as it was last committed', async () => {
    await take();
    await commit(1, 1, { appended: [words(1), words(0)] });
    away.mode = mode;
    await commit(2);
    const whole = { head: sampleHead(2), utterances: [words(0), words(1), words(2)] };
    expect(await take()).toEqual({ epoch: 2, stored: whole });
    expect((await timed(kept.load(callId, signal))).outcome).toEqual(whole);
    expect(await commit(3, 2)).toBe('kept');
    expect(await commit(9, 1)).toBe('fenced');
    await comeBack();
    expect((await stored())?.head).toEqual(sampleHead(3));
    expect(await take()).toMatchObject({ epoch: 3, stored: { head: sampleHead(3) } });
    expect(fenced).toEqual([]);
  });

  it('takes a new call, which nobody was heard to have, and hands it on when the store is back', async () => {
    away.mode = mode;
    expect(await take()).toEqual({ epoch: 1, stored: undefined });
    expect(await commit(1)).toBe('kept');
    await comeBack();
    expect(await others.take(callId, signal)).toEqual({
      epoch: 2,
      stored: { head: sampleHead(1), utterances: [words(1)] },
    });
    expect(fenced).toEqual([]);
  });

  it('keeps facts from outside of any session in their order', async () => {
    const event = (seq: number) => sampleEvent(callId, seq, undefined, 0);
    await timed(kept.enqueue([event(0)], signal));
    away.mode = mode;
    await timed(kept.enqueue([event(1)], signal));
    expect(await timed(kept.enqueue([event(2)], signal))).toEqual({ outcome: undefined, afterMs: 0 });
    await comeBack();
    await timed(kept.enqueue([event(3)], signal));
    expect([...new Set(await seqs())]).toEqual([0, 1, 2, 3]);
  });
});

it('says so of a call that nobody here knows', async () => {
  away.mode = 'gone';
  await expect(kept.load(callId, signal)).rejects.toMatchObject({ reason: 'redis.unreachable' });
});

it('writes hundreds of calls within seconds of the return', async () => {
  const ids = Array.from({ length: 300 }, newCallId);
  away.mode = 'gone';
  for (const id of ids) {
    await kept.take(id, signal);
    await kept.commit(id, 1, commitOf(1), signal);
  }
  await comeBack();
  expect(await others.list(signal)).toHaveLength(300);
});

it('sends each fact once when the store refuses at once', async () => {
  await take();
  for (let i = 1; i <= 9; i++) {
    if (i % 3 === 0) away.mode = 'gone';
    await commit(i);
    if (i % 3 === 2) await comeBack();
  }
  await comeBack();
  expect(await seqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

it('lets what is behind be written first when a call is taken after the return', async () => {
  await take();
  away.mode = 'gone';
  await commit(1);
  await away.comeBack();
  expect(await take()).toEqual({ epoch: 2, stored: { head: sampleHead(1), utterances: [words(1)] } });
  expect(await commit(2, 2)).toBe('committed');
  expect(await seqs()).toEqual([1, 2]);
});

it('does not count from memory once the store is back, when nothing was committed meanwhile', async () => {
  await others.take(callId, signal);
  await others.commit(callId, 1, commitOf(7), signal);
  away.mode = 'gone';
  expect(await take()).toEqual({ epoch: 1, stored: undefined });
  await comeBack();
  expect(await take()).toMatchObject({ epoch: 2, stored: { head: sampleHead(7) } });
});

it('writes the facts of a call that is removed before it is written', async () => {
  await take();
  away.mode = 'gone';
  await commit(1);
  await away.comeBack();
  await kept.remove(callId, signal);
  await clock.advance(WITHIN_MS);
  expect(await stored()).toBeUndefined();
  expect(await seqs()).toEqual([1]);
});

describe('a call that another process has', () => {
  it('is not overwritten when it was taken there meanwhile', async () => {
    await take();
    await commit(1);
    away.mode = 'gone';
    await commit(2);
    await others.take(callId, signal);
    await others.commit(callId, 2, commitOf(5), signal);
    await comeBack();
    expect(fenced).toEqual([callId]);
    expect((await stored())?.head).toEqual(sampleHead(5));
    expect(await seqs()).toEqual([1, 5]);
    expect(await commit(3)).toBe('fenced');
  });

  it.each([1, 2, 3])('is not overwritten when it was taken here %i times without the store', async (times) => {
    await take();
    await commit(1);
    away.mode = 'gone';
    await others.take(callId, signal);
    await others.commit(callId, 2, commitOf(5), signal);
    for (let i = 1; i <= times; i++) {
      expect((await take()).epoch).toBe(1 + i);
      expect(await commit(10 + i, 1 + i)).toBe('kept');
    }
    await comeBack();
    expect(fenced).toEqual([callId]);
    expect((await stored())?.head).toEqual(sampleHead(5));
    expect(await others.commit(callId, 2, commitOf(6), signal)).toBe('committed');
  });

  it('is theirs when a take finds out', async () => {
    await take();
    away.mode = 'gone';
    await commit(2);
    await others.take(callId, signal);
    await others.commit(callId, 2, commitOf(5), signal);
    await away.comeBack();
    expect(await take()).toMatchObject({ epoch: 3, stored: { head: sampleHead(5) } });
    expect(fenced).toEqual([callId]);
  });

  it('is forgotten when it is heard of', async () => {
    await take();
    await commit(1);
    kept.forget(callId, 1);
    away.mode = 'gone';
    expect((await timed(kept.load(callId, signal))).outcome).toMatchObject({ head: sampleHead(1) });
    kept.forget(callId, 2);
    expect((await timed(kept.load(callId, signal))).outcome).toBe('redis.unreachable');
  });

  it('refuses a commit while the store is there', async () => {
    await take();
    await others.take(callId, signal);
    expect(await commit(1)).toBe('fenced');
    expect(await seqs()).toEqual([]);
  });
});

describe('a take whose answer was lost', () => {
  it('is ours: what was committed since is written', async () => {
    await take();
    await commit(1);
    away.mode = 'deaf';
    expect((await take()).epoch).toBe(2);
    expect(await commit(2, 2)).toBe('kept');
    await comeBack();
    expect(fenced).toEqual([]);
    expect((await stored())?.head).toEqual(sampleHead(2));
    expect((await take()).epoch).toBe(3);
  });

  it('does not lose the call when it is heard of before it is given up', async () => {
    await take();
    await commit(1);
    away.mode = 'deaf';
    const taking = kept.take(callId, signal);
    await clock.advance(DEADLINE_MS / 2);
    kept.forget(callId, 2);
    await clock.advance(DEADLINE_MS);
    expect(await taking).toEqual({ epoch: 2, stored: { head: sampleHead(1), utterances: [words(1)] } });
  });
});

describe('a store that lost all it had', () => {
  it('is given a call in progress anew', async () => {
    await take();
    await commit(1);
    shared.lose();
    expect(await commit(2)).toBe('committed');
    expect(await stored()).toEqual({ head: sampleHead(2), utterances: [words(1), words(2)] });
    expect(await take()).toMatchObject({ epoch: 2 });
  });

  it('is given every call anew after an outage, those of which nothing was heard included', async () => {
    await take();
    await commit(1);
    await goAway('gone');
    await clock.advance(1_000);
    shared.lose();
    await comeBack();
    expect(await stored()).toEqual({ head: sampleHead(1), utterances: [words(1)] });
    expect(fenced).toEqual([]);
    expect(await others.take(callId, signal)).toMatchObject({ epoch: 2 });
  });

  it('does not make a known call a new one', async () => {
    await take();
    await take();
    await commit(1, 2);
    shared.lose();
    expect(await take()).toEqual({ epoch: 3, stored: { head: sampleHead(1), utterances: [words(1)] } });
    expect(await commit(2, 3)).toBe('committed');
    expect((await stored())?.head).toEqual(sampleHead(2));
  });

  it('keeps the call of whoever took it since', async () => {
    await take();
    await commit(1);
    shared.lose();
    await others.take(callId, signal);
    await others.commit(callId, 1, commitOf(5), signal);
    expect(await commit(2)).toBe('fenced');
    expect((await stored())?.head).toEqual(sampleHead(5));
  });
});

it('does not bring back a call that was removed meanwhile', async () => {
  await take();
  await commit(1);
  away.mode = 'gone';
  await commit(2);
  await others.remove(callId, signal);
  await comeBack();
  expect(await stored()).toBeUndefined();
  expect(fenced).toEqual([callId]);
});

it('does not let a call that is refused for good hold up the others', async () => {
  const bad = newCallId();
  const restore: SharedCallStore['restore'] = async (id, ...rest) => {
    if (id === bad) throw new Fault('bug', 'redis.failed', 'expected Redis to understand');
    return away.port.restore(id, ...rest);
  };
  const store = { ...shared.seenBy('us'), take: away.port.take, commit: away.port.commit, restore };
  kept = keepCalls({ store, dependency: redisOf(clock), onFenced() {}, clock, log: silentLog });
  away.mode = 'gone';
  for (const id of [bad, callId]) {
    await kept.take(id, signal);
    await kept.commit(id, 1, commitOf(1), signal);
  }
  await comeBack();
  expect((await others.list(signal)).map((call) => call.callId)).toEqual([callId]);
});

describe('what is remembered', () => {
  /** Hours pass without the thousands of looks in them. */
  let aheadMs: number;
  beforeEach(() => {
    aheadMs = 0;
    const ahead: Clock = {
      now: () => clock.now() + aheadMs,
      wall: () => clock.wall(),
      after: (delayMs, run) => clock.after(delayMs, run),
      every: (everyMs, run) => clock.every(everyMs, run),
    };
    kept = keepCalls({ store: away.port, dependency: redisOf(clock), onFenced() {}, clock: ahead, log: silentLog });
  });
  const pass = async (ms: number) => {
    aheadMs += ms;
    await clock.advance(60_000);
  };

  const isKnown = async () => {
    await goAway('gone');
    const { outcome } = await timed(kept.load(callId, signal));
    await comeBack();
    return typeof outcome !== 'string';
  };

  it('is no call that is over and written', async () => {
    await take();
    await kept.commit(callId, 1, over(1), signal);
    expect(await isKnown()).toBe(false);
  });

  it('is a call that is over until it is written', async () => {
    await take();
    away.mode = 'gone';
    await timed(kept.commit(callId, 1, over(1), signal));
    expect((await timed(kept.load(callId, signal))).outcome).toMatchObject({ head: { phase: { kind: 'over' } } });
    await comeBack();
    expect((await stored())?.head.phase.kind).toBe('over');
    expect(await isKnown()).toBe(false);
  });

  it('is no call of which nothing was heard for its longest life', async () => {
    await take();
    await commit(1);
    await pass(CALL_TTL_MS / 2);
    await commit(2);
    await pass(CALL_TTL_MS - 180_000);
    expect(await isKnown()).toBe(true);
    // Found behind after the outage, it was written once more: that is no news of it.
    await pass(120_000);
    expect(await isKnown()).toBe(false);
  });

  it('is the facts of such a call, when they could not be written all the while', async () => {
    await take();
    away.mode = 'gone';
    await commit(1);
    await pass(CALL_TTL_MS);
    await comeBack();
    expect(await stored()).toBeUndefined();
    expect(await seqs()).toEqual([1]);
  });
});

describe('closing', () => {
  it('writes what is behind', async () => {
    await take();
    away.mode = 'gone';
    await commit(1);
    await away.comeBack();
    await kept.close();
    expect((await stored())?.head).toEqual(sampleHead(1));
  });

  it('waits no longer than the deadline, and says what is lost', async () => {
    const lines: object[] = [];
    const log = { ...silentLog, error: (fields: object) => void lines.push(fields) };
    kept = keepCalls({ store: away.port, dependency: redisOf(clock), onFenced() {}, clock, log });
    away.mode = 'silent';
    await take();
    await commit(1);
    await timed(kept.enqueue([sampleEvent(callId, 2)], signal));
    expect((await timed(kept.close())).afterMs).toBeLessThanOrEqual(2 * DEADLINE_MS);
    expect(lines).toEqual([{ calls: 1, facts: 1 }]);
  });
});

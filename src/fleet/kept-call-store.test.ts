import { beforeEach, describe, expect, it } from 'vitest';
import { callStoreContract } from '../../test/contracts/call-store.ts';
import { newCallId, sampleEvent, sampleHead } from '../../test/contracts/samples.ts';
import { inMemory } from '../../test/contracts/subject.ts';
import { CALL_TTL_MS } from '../call/live-call.ts';
import type { Clock } from '../std/clock.ts';
import { silentLog } from '../std/log.ts';
import { DEADLINE_MS, redisOf } from './away.fixture.ts';
import { keepCalls } from './kept-call-store.ts';
import { keptRig, WITHIN_MS, words } from './kept-calls.fixture.ts';
import { sharedCalls } from './shared-calls.fixture.ts';

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

const signal = new AbortController().signal;

let rig = keptRig();
let { clock, away, others, kept, fenced, callId, timed, take, commit, commitOf, comeBack, goAway, seqs, stored } = rig;
beforeEach(() => {
  rig = keptRig();
  ({ clock, away, others, kept, fenced, callId, timed, take, commit, commitOf, comeBack, goAway, seqs, stored } = rig);
});

const over = (lastAsk: number) =>
  commitOf(lastAsk, { head: sampleHead(lastAsk, { phase: { kind: 'over', reason: 'x' } }) });

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
    kept = rig.use({ clock: ahead });
  });
  const pass = async (ms: number) => {
    aheadMs += ms;
    await clock.advance(60_000);
  };

  const isKnown = async () => {
    await goAway();
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
    kept = rig.use({ log });
    away.mode = 'silent';
    await take();
    await commit(1);
    await timed(kept.enqueue([sampleEvent(callId, 2)], signal));
    expect((await timed(kept.close())).afterMs).toBeLessThanOrEqual(2 * DEADLINE_MS);
    expect(lines).toEqual([{ calls: 1, facts: 1 }]);
  });
});

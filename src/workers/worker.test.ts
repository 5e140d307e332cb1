import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newCallId, sampleEvent } from '../../test/contracts/samples.ts';
import { type MemoryEventLog, memoryEventLog } from '../adapters/memory/event-log.ts';
import type { CallEvent } from '../call/events.ts';
import { Fault, type FaultKind } from '../std/fault.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { RETRY_DELAYS_MS } from './retry.ts';
import { type Handle, runWorker, type WorkerOptions } from './worker.ts';

const signal = new AbortController().signal;

describe('a worker', () => {
  let clock: ManualClock;
  let eventLog: MemoryEventLog;
  let stop: AbortController;
  let running: Promise<void>;
  let seen: CallEvent[];
  beforeEach(() => {
    clock = new ManualClock();
    eventLog = memoryEventLog(clock);
    stop = new AbortController();
    running = Promise.resolve();
    seen = [];
  });
  afterEach(async () => {
    stop.abort();
    await clock.advance(10_000);
    await running;
  });

  const start = (handle: Handle, change: Partial<WorkerOptions> = {}) => {
    const watched: Handle = async (event, within) => {
      seen.push(event);
      await handle(event, within);
    };
    running = runWorker(
      {
        group: { name: 'test' },
        handle: watched,
        eventLog,
        clock,
        log: silentLog,
        jitter: (delayMs) => delayMs,
        ...change,
      },
      stop.signal,
    );
  };
  const publish = (...events: readonly CallEvent[]) => eventLog.publish(events, signal);
  const failing = (kind: FaultKind) => () => {
    throw new Fault(kind, 'test.failed', 'expected nothing else');
  };
  const waitForever = (within: AbortSignal) =>
    new Promise<void>((_, reject) => within.addEventListener('abort', () => reject(within.reason)));

  it('handles what is there and what comes, each once', async () => {
    const [first, second] = [sampleEvent(newCallId(), 1), sampleEvent(newCallId(), 1)];
    await publish(first);
    start(async () => {});
    await clock.advance(0);
    expect(seen).toEqual([first]);
    await publish(second);
    await clock.advance(250);
    expect(seen).toEqual([first, second]);
    await clock.advance(120_000);
    expect(seen).toEqual([first, second]);
  });

  it('handles events of one call in order, at once those of different calls', async () => {
    const [slow, quick] = [newCallId(), newCallId()];
    const gate = Promise.withResolvers<void>();
    await publish(sampleEvent(slow, 1), sampleEvent(slow, 2), sampleEvent(quick, 1), sampleEvent(quick, 2));
    start((event) => (event.callId === slow ? gate.promise : Promise.resolve()));
    await clock.advance(1_000);
    const order = (callId: string) => seen.filter((event) => event.callId === callId).map(({ seq }) => seq);
    expect([order(slow), order(quick)]).toEqual([[1], [1, 2]]);
    gate.resolve();
    await clock.advance(250);
    expect(order(slow)).toEqual([1, 2]);
  });

  it('handles no more at once than it may', async () => {
    await publish(...Array.from({ length: 5 }, () => sampleEvent(newCallId(), 1)));
    start((_, within) => waitForever(within), { concurrency: 2 });
    await clock.advance(1_000);
    expect(seen).toHaveLength(2);
  });

  it('tries again five times, ever later, then buries the event with its Fault and goes on', async () => {
    const callId = newCallId();
    const triedAt: number[] = [];
    await publish(sampleEvent(callId, 1), sampleEvent(callId, 2));
    start(async (event) => {
      if (event.seq === 2) return;
      triedAt.push(clock.now());
      failing('timeout')();
    });
    await clock.advance(100_000);
    const waitedMs = triedAt.slice(1).map((at, i) => at - (triedAt[i] ?? 0));
    expect(waitedMs).toHaveLength(RETRY_DELAYS_MS.length);
    for (const [i, delayMs] of RETRY_DELAYS_MS.entries()) {
      expect(waitedMs[i]).toBeGreaterThanOrEqual(delayMs);
      expect(waitedMs[i]).toBeLessThanOrEqual(delayMs + 250);
    }
    expect(eventLog.deadLetters).toMatchObject([
      { group: 'test', event: { callId, seq: 1 }, fault: { reason: 'test.failed' } },
    ]);
    expect(seen.map(({ seq }) => seq)).toEqual([1, 1, 1, 1, 1, 1, 2]);
  });

  it('buries nothing because a store is away, however long: the event is tried every minute', async () => {
    let isAway = true;
    await publish(sampleEvent(newCallId(), 1));
    start(async () => {
      if (isAway) failing('unavailable')();
    });
    await clock.advance(3_600_000);
    expect(eventLog.deadLetters).toEqual([]);
    isAway = false;
    const before = seen.length;
    await clock.advance(76_000);
    expect(seen.length).toBe(before + 1);
  });

  for (const kind of ['invalid', 'unauthenticated', 'not_found', 'bug'] as const) {
    it(`buries at once what is ${kind}: no time mends it`, async () => {
      await publish(sampleEvent(newCallId(), 1));
      start(failing(kind));
      await clock.advance(10);
      expect(eventLog.deadLetters).toMatchObject([{ fault: { kind, reason: 'test.failed' } }]);
    });
  }

  it('takes anything else that is thrown for a bug', async () => {
    await publish(sampleEvent(newCallId(), 1));
    start(() => Promise.reject(new TypeError('undefined is not a function')));
    await clock.advance(10);
    expect(eventLog.deadLetters).toMatchObject([{ fault: { kind: 'bug', reason: 'worker.handler_threw' } }]);
  });

  it('tries a conflict again at once, and buries one that does not end', async () => {
    await publish(sampleEvent(newCallId(), 1));
    start(failing('conflict'), { idleMs: 1 });
    await clock.advance(20);
    expect(seen).toHaveLength(6);
    expect(eventLog.deadLetters).toHaveLength(1);
  });

  it('lets go of a cancelled event until its lease runs out', async () => {
    await publish(sampleEvent(newCallId(), 1));
    let isFirst = true;
    start(async () => {
      const wasFirst = isFirst;
      isFirst = false;
      if (wasFirst) failing('cancelled')();
    });
    await clock.advance(59_000);
    expect(seen).toHaveLength(1);
    await clock.advance(2_000);
    expect(seen).toHaveLength(2);
    expect(eventLog.deadLetters).toEqual([]);
  });

  it('gives up on a handler that does not end, before its lease does', async () => {
    await publish(sampleEvent(newCallId(), 1));
    start((_, within) => waitForever(within), { handleTimeoutMs: 1_000 });
    await clock.advance(1_000);
    expect(seen).toHaveLength(1);
    await clock.advance(500);
    expect(seen).toHaveLength(2);
  });

  it('goes on asking a log that cannot be read', async () => {
    let isDown = true;
    const read: MemoryEventLog['read'] = (...args) => (isDown ? failing('unavailable')() : eventLog.read(...args));
    await publish(sampleEvent(newCallId(), 1));
    start(async () => {}, { eventLog: { ...eventLog, read: async (...args) => read(...args) } });
    await clock.advance(5_000);
    isDown = false;
    await clock.advance(1_000);
    expect(seen).toHaveLength(1);
  });

  it('survives a log that cannot be told: the event comes again', async () => {
    let failures = 1;
    const ack: MemoryEventLog['ack'] = async (...args) => {
      if (failures-- > 0) failing('unavailable')();
      await eventLog.ack(...args);
    };
    await publish(sampleEvent(newCallId(), 1));
    start(async () => {}, { eventLog: { ...eventLog, ack } });
    await clock.advance(1_000);
    expect(seen).toHaveLength(2);
    expect(await eventLog.read({ name: 'test' }, 1, 1, signal)).toEqual([]);
  });

  it('finishes what it has in hand when told to stop, and reads nothing more', async () => {
    const gate = Promise.withResolvers<void>();
    const callId = newCallId();
    await publish(sampleEvent(callId, 1), sampleEvent(callId, 2));
    start(() => gate.promise);
    await clock.advance(10);
    stop.abort();
    await clock.advance(1_000);
    gate.resolve();
    await running;
    expect(seen).toHaveLength(1);
    const [next] = await eventLog.read({ name: 'test' }, 1, 1_000, signal);
    expect(next?.event.seq).toBe(2);
  });

  it('finishes what it was being given when it was told to stop', async () => {
    const event = sampleEvent(newCallId(), 1);
    await publish(event);
    const answer = Promise.withResolvers<void>();
    const read: MemoryEventLog['read'] = async (...args) => {
      const deliveries = await eventLog.read(...args);
      await answer.promise;
      args[3].throwIfAborted();
      return deliveries;
    };
    start(async () => {}, { eventLog: { ...eventLog, read } });
    await clock.advance(0);
    stop.abort();
    answer.resolve();
    await clock.advance(0);
    expect(seen).toEqual([event]);
    expect(await eventLog.read({ name: 'test' }, 10, 1_000, signal)).toEqual([]);
    await clock.advance(60_000);
    expect(await eventLog.read({ name: 'test' }, 10, 1_000, signal)).toEqual([]);
  });

  it('hands back at once what it cannot finish in time', async () => {
    await publish(sampleEvent(newCallId(), 1));
    start((_, within) => waitForever(within));
    await clock.advance(10);
    stop.abort();
    await clock.advance(4_900);
    expect(await eventLog.read({ name: 'test' }, 1, 1_000, signal)).toEqual([]);
    await clock.advance(200);
    await running;
    expect(await eventLog.read({ name: 'test' }, 1, 1_000, signal)).toMatchObject([{ attempt: 2 }]);
  });
});

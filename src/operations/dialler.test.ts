import { describe, expect, it } from 'vitest';
import { sleep } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import { settle } from '../std/manual-clock.ts';
import { memoryContext } from './context.fixture.ts';
import type { OperationContext } from './context.ts';
import { type Given, given, order } from './dial-queue.fixture.ts';

const { signal } = new AbortController();

describe('the pace of dialling', () => {
  it('is so many per second: the next one is waited for, one later waits in the queue', async () => {
    const { queue, dialled, clock } = given({ perSecond: 1, context: { maxCalls: 10 } });
    await queue.place(order('+1'), undefined);
    const second = queue.place(order('+2'), undefined);
    const third = await queue.place(order('+3'), undefined);
    expect(third).toMatchObject({ state: 'queued' });
    expect(dialled).toEqual(['+1']);
    await clock.advance(999);
    expect(dialled).toEqual(['+1']);
    await clock.advance(1);
    expect(await second).toMatchObject({ state: 'placed' });
    expect(dialled).toEqual(['+1', '+2']);
    await clock.advance(2_000);
    expect(dialled).toEqual(['+1', '+2', '+3']);
  });

  it('dials nobody whom the workspace has no room for, and asks once a second', async () => {
    let asked = 0;
    const load = { current: 19, limit: 20 };
    const concurrency = async () => {
      asked++;
      return { ...load };
    };
    const { queue, leases, dialled, clock } = given({ concurrency, context: { maxCalls: 10 } });
    await queue.place(order('+1'), undefined);
    load.current = 20;
    const waiting = await Promise.all([order('+2'), order('+3')].map((one) => queue.place(one, undefined)));
    expect(waiting).toMatchObject([{ state: 'queued' }, { state: 'queued' }]);
    expect(asked).toBe(1);
    await clock.advance(3_000);
    expect(asked).toBe(4);
    expect(dialled).toEqual(['+1']);
    expect(await leases.count(signal)).toBe(1);
    load.current = 18;
    await clock.advance(1_000);
    expect(dialled).toEqual(['+1', '+2', '+3']);
  });

  it('goes by our own slots while Retell does not say', async () => {
    const concurrency = () => Promise.reject(new Fault('unavailable', 'retell.unavailable', 'gone'));
    const { queue } = given({ concurrency });
    const numbers = ['+1', '+2', '+3'];
    const answers = [];
    for (const number of numbers) answers.push(await queue.place(order(number), undefined));
    expect(answers.map(({ state }) => state)).toEqual(['placed', 'placed', 'queued']);
  });
});

describe('when something of ours is away', () => {
  const away = new Fault('unavailable', 'redis.unreachable', 'away');

  it('an order taken in waits, and is dialled when slots can be had again', async () => {
    const faults = [away];
    const { context } = memoryContext();
    const acquire: OperationContext['leases']['acquire'] = async (...args) => {
      const fault = faults.shift();
      if (fault) throw fault;
      return context.leases.acquire(...args);
    };
    const { queue, dialled, clock } = given({ context: { leases: { ...context.leases, acquire } } });
    expect(await queue.place(order('+1'), undefined)).toMatchObject({ state: 'queued', position: 1 });
    await clock.advance(1_000);
    expect(dialled).toEqual(['+1']);
  });

  it('a call that was placed is said to be, though it could not be written down', async () => {
    const base = given();
    const settle = () => Promise.reject(away);
    const { queue, dialled, clock } = given({ context: { dials: { ...base.context.dials, settle } } });
    const placed = await queue.place(order('+1'), undefined);
    expect(placed).toMatchObject({ state: 'placed' });
    expect(await queue.find(placed.id, signal)).toMatchObject({ state: 'dialling' });
    await clock.advance(30_000);
    expect(dialled).toEqual(['+1']);
  });

  it('a process that stood still dials nobody by what it had begun before', async () => {
    const base = memoryContext();
    const begin: OperationContext['dials']['begin'] = async (...args) => {
      if (stalls-- > 0) await base.clock.advance(25_000);
      return base.context.dials.begin(...args);
    };
    let stalls = 1;
    const { queue, orders, leases } = given({
      context: { clock: base.clock, dials: { ...base.context.dials, begin }, leases: base.context.leases },
    });
    expect(await queue.place(order('+1'), undefined)).toMatchObject({ state: 'queued' });
    expect(orders).toEqual([]);
    expect(await leases.count(signal)).toBe(0);
    await base.clock.advance(2_000);
    expect(orders).toHaveLength(1);
  });

  it('a process that stood still dials nobody whom another one took meanwhile', async () => {
    const base = memoryContext();
    const { queue, open, dialled } = given({
      context: {
        clock: base.clock,
        leases: base.context.leases,
        dials: {
          ...base.context.dials,
          async begin(...args) {
            if (stalls-- > 0) {
              await base.clock.advance(65_000);
              await base.context.dials.abandon(60_000, signal);
              await base.clock.advance(12_000);
            }
            return base.context.dials.begin(...args);
          },
        },
      },
    });
    let stalls = 1;
    open();
    expect(await queue.place(order('+1'), undefined)).toMatchObject({ state: 'placed' });
    expect(dialled).toEqual(['+1']);
    expect(await base.context.leases.count(signal)).toBe(1);
  });
});

describe('told to stop', () => {
  /** A queue whose takings are answered late, and what to call when they are. */
  function slow() {
    const base = memoryContext();
    const gate = Promise.withResolvers<void>();
    let taken = 0;
    const take: OperationContext['dials']['take'] = async (...args) => {
      const taking = await base.context.dials.take(...args);
      taken++;
      await gate.promise;
      args[1].throwIfAborted();
      return taking;
    };
    const house = given({ context: { clock: base.clock, dials: { ...base.context.dials, take } } });
    return { ...house, answer: () => gate.resolve(), taken: () => taken, dials: base.context.dials };
  }

  it('it puts back what it was taking, and its client is told that the order waits', async () => {
    const { queue, answer, taken, dials, clock, dialled, leases } = slow();
    const placing = queue.place(order('+1'), 'order-1');
    await settle();
    expect(taken()).toBe(1);
    const closed = queue.close();
    answer();
    expect(await placing).toMatchObject({ state: 'queued', position: 1 });
    await closed;
    expect(await dials.dueIn(signal)).toBe(0);
    expect(dialled).toEqual([]);
    expect(await leases.count(signal)).toBe(0);
    await clock.advance(5_000);
  });

  it('it takes in no order', async () => {
    const { queue, dials } = slow();
    await queue.close();
    await expect(queue.place(order('+1'), undefined)).rejects.toMatchObject({ reason: 'calls.dialling_stopped' });
    expect(await dials.waiting(signal)).toBe(0);
  });
});

describe('several processes', () => {
  const three = (options: Given) => {
    const { queue, open, ...rest } = given({ ...options, context: { maxCalls: 50 } });
    return { ...rest, queues: [queue, open(), open()] };
  };

  it('share the room of the workspace: its last place is taken once', async () => {
    const load = { current: 19, limit: 20 };
    const { queues, dialled, clock, leases } = three({ concurrency: async () => ({ ...load }) });
    await Promise.all(queues.map((queue, n) => queue.place(order(`+${n}`), undefined)));
    await clock.advance(1_500);
    expect(dialled).toHaveLength(1);
    load.current = 20;
    await clock.advance(10_000);
    expect(dialled).toHaveLength(1);
    expect(await leases.count(signal)).toBe(1);
    load.current = 19;
    await clock.advance(1_500);
    expect(dialled).toHaveLength(2);
  });

  it('share the pace', async () => {
    const at: number[] = [];
    const { queues, clock } = three({
      perSecond: 1,
      fail: () => {
        at.push(clock.now());
        return undefined;
      },
    });
    const start = clock.now();
    const placing = queues.map((queue, n) => queue.place(order(`+${n}`), undefined));
    await clock.advance(10_000);
    await Promise.all(placing);
    expect(at.map((ms) => ms - start)).toEqual([0, 1_000, 2_000]);
  });
});

describe('a caller who finds the last slot', () => {
  const hour = 3_600_000;

  it('does not find it held for an order that cannot be dialled', async () => {
    const base = memoryContext();
    const concurrency = async () => {
      await sleep(base.clock, 200, signal);
      return { current: 20, limit: 20 };
    };
    const { queue, open, clock, leases } = given({ concurrency, context: { clock: base.clock, maxCalls: 3 } });
    for (const held of ['call_a', 'call_b']) await leases.acquire(held, 3, hour, signal);
    const queues = [queue, open(), open()];
    void queues[0]?.place(order('+1'), undefined);
    for (let tries = 0; tries < 200; tries++) {
      await clock.advance(37);
      expect(await leases.acquire('caller', 3, 15_000, signal)).toBe('held');
      await leases.release('caller', signal);
    }
    expect(await queues[0]?.waiting(signal)).toBe(1);
  });

  it('has it while an order is not due again', async () => {
    const { queue, clock, leases } = given({
      fail: () => new Fault('exhausted', 'retell.rate_limited', 'slow', { detail: { retryAfterMs: 30_000 } }),
      context: { maxCalls: 1 },
    });
    await queue.place(order('+1'), undefined);
    for (let tries = 0; tries < 28; tries++) {
      await clock.advance(1_000);
      expect(await leases.count(signal)).toBe(0);
    }
  });
});

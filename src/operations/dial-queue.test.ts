import { describe, expect, it } from 'vitest';
import type { CallControl, PlaceCall } from '../ports/call-control.ts';
import { Fault } from '../std/fault.ts';
import { idOf, memoryContext, retellOnPaper } from './context.fixture.ts';
import type { OperationContext } from './context.ts';
import { createDialQueue, type DialQueueOptions } from './dial-queue.ts';

const { signal } = new AbortController();
const rateLimited = new Fault('exhausted', 'retell.rate_limited', 'slow down');
const unheard = new Fault('timeout', 'retell.outcome_unknown', 'no answer');

function order(toNumber: string): PlaceCall {
  return { fromNumber: '+15550100', toNumber };
}

interface Given extends Partial<DialQueueOptions> {
  /** What Retell refuses; it dials whom it does not. */
  readonly fail?: (call: PlaceCall) => Fault | undefined;
  readonly concurrency?: CallControl['concurrency'];
  readonly context?: Partial<OperationContext>;
}

/** A queue that dials as fast as it can unless told otherwise. */
function given({ fail, concurrency, context: overrides, ...options }: Given = {}) {
  const dialled: string[] = [];
  const orders: PlaceCall[] = [];
  const place: CallControl['place'] = async (call) => {
    orders.push(call);
    const fault = fail?.(call);
    if (fault) throw fault;
    dialled.push(call.toNumber);
    return { callId: idOf(`call_${dialled.length}_aaaa`), status: 'registered', agentId: undefined };
  };
  const callControl = retellOnPaper({ place, ...(concurrency && { concurrency }) });
  const { context, clock } = memoryContext({ callControl, ...overrides });
  const open = () => createDialQueue(context, { perSecond: Number.POSITIVE_INFINITY, ...options });
  return { clock, context, leases: context.leases, dialled, orders, queue: open(), open };
}

describe('the queue of outbound calls', () => {
  it('dials at once while there are slots, and hands the slot to the call', async () => {
    const { queue, leases, dialled } = given();
    expect(await queue.place(order('+1'), undefined)).toMatchObject({ state: 'placed', callId: 'call_1_aaaa' });
    expect(dialled).toEqual(['+1']);
    expect(await leases.count(signal)).toBe(1);
    expect(await leases.rename('call_1_aaaa', 'x', 1_000, signal)).toBe(true);
  });

  it('names the order in the metadata, beside what the client has there', async () => {
    const { queue, orders } = given();
    const { id } = await queue.place({ ...order('+1'), metadata: { campaign: 'c1' } }, undefined);
    expect(orders[0]?.metadata).toEqual({ campaign: 'c1', offhook_dial: id });
  });

  it('queues above capacity, tells the place, and dials in order when slots free', async () => {
    const { queue, leases, dialled, clock } = given();
    for (const number of ['+1', '+2']) await queue.place(order(number), undefined);
    const third = await queue.place(order('+3'), undefined);
    const fourth = await queue.place(order('+4'), undefined);
    expect([third, fourth]).toMatchObject([
      { state: 'queued', position: 1 },
      { state: 'queued', position: 2 },
    ]);
    expect(await queue.list(signal)).toEqual([third, fourth]);
    expect(await queue.waiting(signal)).toBe(2);
    await leases.release('call_1_aaaa', signal);
    await clock.advance(1_000);
    expect(dialled).toEqual(['+1', '+2', '+3']);
    expect(await queue.find(third.id, signal)).toMatchObject({ state: 'placed' });
    expect(await queue.find(fourth.id, signal)).toMatchObject({ state: 'queued', position: 1 });
    await leases.release('call_2_aaaa', signal);
    await clock.advance(1_000);
    expect(dialled).toEqual(['+1', '+2', '+3', '+4']);
  });

  it('lets nobody overtake those who wait, even when a slot is free', async () => {
    const { queue, leases, dialled, clock } = given();
    for (const number of ['+1', '+2', '+3']) await queue.place(order(number), undefined);
    await leases.release('call_1_aaaa', signal);
    expect(await queue.place(order('+4'), undefined)).toMatchObject({ state: 'queued', position: 2 });
    await clock.advance(1_000);
    expect(dialled).toEqual(['+1', '+2', '+3']);
  });

  it('refuses the order that does not fit into the queue', async () => {
    const { queue } = given({ limit: 1 });
    for (const number of ['+1', '+2', '+3']) await queue.place(order(number), undefined);
    await expect(queue.place(order('+4'), undefined)).rejects.toMatchObject({
      kind: 'exhausted',
      reason: 'calls.queue_full',
    });
  });

  it('needs a key', async () => {
    const { queue } = given({ context: { callControl: undefined } });
    await expect(queue.place(order('+1'), undefined)).rejects.toMatchObject({ reason: 'retell.no_key' });
  });

  it('takes an order out of the queue', async () => {
    const { queue, leases, dialled, clock } = given();
    for (const number of ['+1', '+2']) await queue.place(order(number), undefined);
    const third = await queue.place(order('+3'), undefined);
    expect(await queue.cancel(third.id, signal)).toBe(true);
    expect(await queue.cancel(third.id, signal)).toBe(false);
    expect(await queue.find(third.id, signal)).toMatchObject({ state: 'cancelled' });
    await leases.release('call_1_aaaa', signal);
    await clock.advance(2_000);
    expect(dialled).toEqual(['+1', '+2']);
  });

  it('is kept when its process stops, and served by the next one', async () => {
    const { queue, open, leases, dialled, clock } = given();
    for (const number of ['+1', '+2', '+3']) await queue.place(order(number), undefined);
    await queue.close();
    await leases.release('call_1_aaaa', signal);
    await clock.advance(5_000);
    expect(dialled).toEqual(['+1', '+2']);
    open();
    await clock.advance(1_000);
    expect(dialled).toEqual(['+1', '+2', '+3']);
  });

  it('is served by every process, each order by one of them, and none above the slots', async () => {
    const { queue, open, leases, dialled, clock } = given();
    const other = open();
    const numbers = ['+1', '+2', '+3', '+4', '+5', '+6'];
    await Promise.all(numbers.map((number, index) => (index % 2 ? queue : other).place(order(number), undefined)));
    expect(dialled).toHaveLength(2);
    for (let round = 0; round < 6; round++) {
      expect(await leases.count(signal)).toBeLessThanOrEqual(2);
      for (let call = 1; call <= dialled.length; call++) await leases.release(`call_${call}_aaaa`, signal);
      await clock.advance(1_000);
    }
    expect(dialled.toSorted()).toEqual(numbers);
  });
});

describe('a request made again', () => {
  it('dials nobody again, however often it is made, and wherever', async () => {
    const { queue, open, dialled } = given();
    const first = await queue.place(order('+1'), 'order-1');
    expect(await queue.place(order('+1'), 'order-1')).toEqual(first);
    expect(await open().place(order('+1'), 'order-1')).toEqual(first);
    expect(dialled).toEqual(['+1']);
  });

  it('at the same time dials once', async () => {
    const { queue, open, dialled } = given();
    const other = open();
    const answers = await Promise.all([queue, other, queue].map((one) => one.place(order('+1'), 'order-1')));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(dialled).toEqual(['+1']);
  });

  it('for somebody else is refused', async () => {
    const { queue, dialled } = given();
    await queue.place(order('+1'), 'order-1');
    await expect(queue.place(order('+2'), 'order-1')).rejects.toMatchObject({
      kind: 'conflict',
      reason: 'calls.request_reused',
    });
    expect(dialled).toEqual(['+1']);
  });

  it('is refused once Retell has refused it', async () => {
    const { queue, leases, orders } = given({ fail: () => new Fault('invalid', 'retell.refused', 'no') });
    await expect(queue.place(order('+1'), 'order-1')).rejects.toMatchObject({ reason: 'retell.refused' });
    expect(await leases.count(signal)).toBe(0);
    await expect(queue.place(order('+1'), 'order-1')).rejects.toMatchObject({
      reason: 'calls.refused_before',
      detail: { was: 'retell.refused' },
    });
    expect(orders).toHaveLength(1);
  });

  it('after an outcome nobody heard is not dialled, and says so; who may be on the line keeps the slot', async () => {
    const { queue, leases, clock, orders } = given({ fail: () => unheard });
    await expect(queue.place(order('+1'), 'order-1')).rejects.toMatchObject({ reason: 'retell.outcome_unknown' });
    expect(await queue.place(order('+1'), 'order-1')).toMatchObject({ state: 'unknown' });
    await clock.advance(60_000);
    expect(orders).toHaveLength(1);
    expect(await leases.count(signal)).toBe(1);
    await clock.advance(60_000);
    expect(await leases.count(signal)).toBe(0);
  });
});

describe('what Retell refuses for a while', () => {
  it('waits in the queue, also when nobody waited before', async () => {
    const faults: (Fault | undefined)[] = [rateLimited];
    const { queue, leases, dialled, clock } = given({ fail: () => faults.shift() });
    expect(await queue.place(order('+1'), undefined)).toMatchObject({ state: 'queued', position: 1 });
    expect(await leases.count(signal)).toBe(0);
    await clock.advance(1_000);
    expect(dialled).toEqual(['+1']);
  });

  it('is tried again, and what is worse is not', async () => {
    const faults: (Fault | undefined)[] = [];
    const { queue, leases, dialled, clock } = given({ fail: () => faults.shift() });
    for (const number of ['+1', '+2']) await queue.place(order(number), undefined);
    faults.push(rateLimited, undefined, unheard);
    const third = await queue.place(order('+3'), undefined);
    const fourth = await queue.place(order('+4'), undefined);
    for (const call of ['call_1_aaaa', 'call_2_aaaa']) await leases.release(call, signal);
    await clock.advance(1_000);
    expect(await queue.find(third.id, signal)).toMatchObject({ state: 'queued', position: 1 });
    await clock.advance(1_000);
    expect(dialled).toEqual(['+1', '+2', '+3']);
    expect(await queue.find(fourth.id, signal)).toMatchObject({ state: 'unknown', reason: 'retell.outcome_unknown' });
  });

  it('is waited for as long as Retell asks to', async () => {
    const faults: (Fault | undefined)[] = [
      new Fault('exhausted', 'retell.rate_limited', 'slow down', { detail: { retryAfterMs: 30_000 } }),
    ];
    const { queue, orders, clock } = given({ fail: () => faults.shift() });
    await queue.place(order('+1'), undefined);
    await clock.advance(29_000);
    expect(orders).toHaveLength(1);
    await clock.advance(2_000);
    expect(orders).toHaveLength(2);
  });

  it('is given up in the end', async () => {
    const { queue, orders, clock } = given({ fail: () => rateLimited });
    const { id } = await queue.place(order('+1'), undefined);
    await clock.advance(600_000);
    expect(await queue.find(id, signal)).toEqual({ state: 'failed', id, reason: 'retell.rate_limited' });
    expect(orders).toHaveLength(10);
    expect(await queue.waiting(signal)).toBe(0);
  });
});

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

  it('a process that stood still dials nobody by what it had taken before', async () => {
    const base = memoryContext();
    const rename: OperationContext['leases']['rename'] = async (...args) => {
      if (args[0].length < 30 && stalls-- > 0) await base.clock.advance(25_000);
      return base.context.leases.rename(...args);
    };
    let stalls = 1;
    const { queue, orders } = given({
      context: { clock: base.clock, dials: base.context.dials, leases: { ...base.context.leases, rename } },
    });
    expect(await queue.place(order('+1'), undefined)).toMatchObject({ state: 'queued' });
    expect(orders).toEqual([]);
    await base.clock.advance(2_000);
    expect(orders).toHaveLength(1);
  });
});

import { describe, expect, it } from 'vitest';
import { Fault } from '../std/fault.ts';
import { given, order } from './dial-queue.fixture.ts';

const { signal } = new AbortController();
const rateLimited = new Fault('exhausted', 'retell.rate_limited', 'slow down');
const unheard = new Fault('timeout', 'retell.outcome_unknown', 'no answer');

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

describe('a workspace that is full by what it answers', () => {
  it('is waited for, however long', async () => {
    let isFull = true;
    const full = new Fault('exhausted', 'retell.concurrency_reached', 'full');
    const { queue, dialled, leases, clock } = given({ fail: () => (isFull ? full : undefined) });
    const { id } = await queue.place(order('+1'), undefined);
    await clock.advance(3_600_000);
    expect(await queue.find(id, signal)).toMatchObject({ state: 'queued' });
    expect(await leases.count(signal)).toBe(0);
    isFull = false;
    await clock.advance(61_000);
    expect(dialled).toEqual(['+1']);
  });
});

import { describe, expect, it } from 'vitest';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import { memoryLeases } from '../adapters/memory/leases.ts';
import { memoryRecords } from '../adapters/memory/records.ts';
import { defineAgent } from '../agent/agent.ts';
import { parseCallId } from '../call/call.ts';
import type { CallControl, PlaceCall } from '../ports/call-control.ts';
import { Fault } from '../std/fault.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { createDialQueue } from './dial-queue.ts';

const { signal } = new AbortController();
const agent = defineAgent({ name: 'desk', greeting: 'Hello.', instructions: 'Be kind.' });

function order(toNumber: string): PlaceCall {
  return { fromNumber: '+15550100', toNumber };
}

/** A queue over a Retell that dials whom it is asked to; `fail` decides otherwise. */
function given(options: { readonly limit?: number; readonly fail?: (call: PlaceCall) => Fault | undefined } = {}) {
  const clock = new ManualClock();
  const leases = memoryLeases(clock);
  const dialled: string[] = [];
  const place: CallControl['place'] = async (call) => {
    const fault = options.fail?.(call);
    if (fault) throw fault;
    dialled.push(call.toNumber);
    const callId = parseCallId(`call_${dialled.length}_aaaa`);
    if (!callId) throw new Error('bad id');
    return { callId, status: 'registered', agentId: undefined };
  };
  const callControl: CallControl = { place, fetch: async () => undefined, end: async () => {} };
  const context = {
    agents: [agent],
    defaultAgent: agent,
    isStrict: false,
    maxCalls: 2,
    liveCalls: { list: () => [], prove() {}, end: async () => false, interject: () => false },
    callStore: memoryCallStore(clock),
    leases,
    records: memoryRecords(),
    callControl,
    clock,
    log: silentLog,
  };
  const queue = createDialQueue(context, options.limit === undefined ? {} : { limit: options.limit });
  return { clock, leases, dialled, queue, context };
}

describe('the line of outbound calls', () => {
  it('dials at once while there are slots, and hands the slot to the call', async () => {
    const { queue, leases, dialled } = given();
    expect(await queue.place(order('+1'), undefined)).toMatchObject({ state: 'placed', callId: 'call_1_aaaa' });
    expect(dialled).toEqual(['+1']);
    expect(await leases.count(signal)).toBe(1);
    expect(await leases.rename('call_1_aaaa', 'x', 1_000, signal)).toBe(true);
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
    await leases.release('call_1_aaaa', signal);
    await clock.advance(1_000);
    expect(dialled).toEqual(['+1', '+2', '+3']);
    expect(queue.find(third.id)).toMatchObject({ state: 'placed' });
    expect(queue.find(fourth.id)).toMatchObject({ state: 'queued', position: 1 });
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

  it('refuses the order that does not fit into the line', async () => {
    const { queue } = given({ limit: 1 });
    for (const number of ['+1', '+2', '+3']) await queue.place(order(number), undefined);
    await expect(queue.place(order('+4'), undefined)).rejects.toMatchObject({
      kind: 'exhausted',
      reason: 'calls.queue_full',
    });
  });

  it('needs a key', async () => {
    const { context } = given();
    const queue = createDialQueue({ ...context, callControl: undefined });
    await expect(queue.place(order('+1'), undefined)).rejects.toMatchObject({ reason: 'retell.no_key' });
  });

  it('dials one person once for one request, however often it is made', async () => {
    const { queue, dialled } = given();
    const first = await queue.place(order('+1'), 'order-1');
    expect(await queue.place(order('+1'), 'order-1')).toEqual(first);
    expect(dialled).toEqual(['+1']);
  });

  it('never dials again after an unknown outcome, and keeps the slot of who may be on the line', async () => {
    let attempts = 0;
    const fail = () => {
      attempts++;
      return new Fault('timeout', 'retell.outcome_unknown', 'no answer');
    };
    const { queue, leases, clock } = given({ fail });
    for (let again = 0; again < 2; again++) {
      await expect(queue.place(order('+1'), 'order-1')).rejects.toMatchObject({ reason: 'retell.outcome_unknown' });
    }
    expect(attempts).toBe(1);
    expect(await leases.count(signal)).toBe(1);
    await clock.advance(120_000);
    expect(await leases.count(signal)).toBe(0);
  });

  it('frees the slot and the request when Retell certainly did not dial', async () => {
    let isRefusing = true;
    const fail = () => (isRefusing ? new Fault('invalid', 'retell.bad_request', 'no') : undefined);
    const { queue, leases } = given({ fail });
    await expect(queue.place(order('+1'), 'order-1')).rejects.toThrow(Fault);
    expect(await leases.count(signal)).toBe(0);
    isRefusing = false;
    expect(await queue.place(order('+1'), 'order-1')).toMatchObject({ state: 'placed' });
  });

  it('tries a queued order again after a 429, and not after anything worse', async () => {
    const faults: (Fault | undefined)[] = [];
    const { queue, leases, dialled, clock } = given({ fail: () => faults.shift() });
    for (const number of ['+1', '+2']) await queue.place(order(number), undefined);
    faults.push(
      new Fault('exhausted', 'retell.rate_limited', 'slow down'),
      undefined,
      new Fault('unavailable', 'retell.outcome_unknown', 'gone'),
    );
    const third = await queue.place(order('+3'), undefined);
    const fourth = await queue.place(order('+4'), undefined);
    for (const call of ['call_1_aaaa', 'call_2_aaaa']) await leases.release(call, signal);
    await clock.advance(1_000);
    expect(queue.find(third.id)).toMatchObject({ state: 'queued', position: 1 });
    await clock.advance(1_000);
    expect(dialled).toEqual(['+1', '+2', '+3']);
    expect(queue.find(fourth.id)).toMatchObject({ state: 'unknown', reason: 'retell.outcome_unknown' });
  });

  it('takes an order out of the line', async () => {
    const { queue, leases, dialled, clock } = given();
    for (const number of ['+1', '+2']) await queue.place(order(number), undefined);
    const third = await queue.place(order('+3'), undefined);
    expect(queue.cancel(third.id)).toBe(true);
    expect(queue.cancel(third.id)).toBe(false);
    expect(queue.find(third.id)).toMatchObject({ state: 'cancelled' });
    await leases.release('call_1_aaaa', signal);
    await clock.advance(2_000);
    expect(dialled).toEqual(['+1', '+2']);
  });

  it('dials nobody once closed', async () => {
    const { queue, leases, dialled, clock } = given();
    for (const number of ['+1', '+2', '+3']) await queue.place(order(number), undefined);
    await queue.close();
    await leases.release('call_1_aaaa', signal);
    await clock.advance(5_000);
    expect(dialled).toEqual(['+1', '+2']);
  });
});

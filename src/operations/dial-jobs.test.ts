import { describe, expect, it } from 'vitest';
import { sampleHead, sampleReport } from '../../test/contracts/samples.ts';
import type { CallId } from '../call/call.ts';
import type { CallControl, RemoteCall } from '../ports/call-control.ts';
import { Fault } from '../std/fault.ts';
import { type CallHooks, hookHandlers } from './call-hooks.ts';
import { idOf, memoryContext, overAt, retellOnPaper, workFor } from './context.fixture.ts';
import type { OperationContext } from './context.ts';
import { dialWork } from './dial-jobs.ts';
import { createDialQueue } from './dial-queue.ts';

const { signal } = new AbortController();
const callId = idOf('call_1_aaaa');
const order = { fromNumber: '+15550100', toNumber: '+15550142' };
const unheard = new Fault('timeout', 'retell.outcome_unknown', 'no answer');
const MINUTE_MS = 60_000;

/** A Retell whose dials nobody hears of, with what it lists of them. */
function silentRetell(overrides: Partial<CallControl> = {}) {
  const listed: RemoteCall[] = [];
  let asked = 0;
  const control = retellOnPaper({
    place: () => Promise.reject(unheard),
    findByMetadata: async () => {
      asked++;
      return listed[0];
    },
    ...overrides,
  });
  return { control, listed, asked: () => asked };
}

function given(callControl: CallControl, overrides: Partial<OperationContext> = {}) {
  const { context, clock } = memoryContext({ callControl, ...overrides });
  const queue = createDialQueue(context, { perSecond: Number.POSITIVE_INFINITY });
  const work = (byMs: number) => workFor(byMs, context, clock, dialWork(context));
  const stateOf = async (id: string) => (await context.dials.find(id, signal))?.state;
  return { context, clock, queue, work, stateOf };
}

async function placeUnheard({ queue, context }: ReturnType<typeof given>): Promise<string> {
  await expect(queue.place(order, 'r1')).rejects.toThrow(Fault);
  const [dial] = await context.dials.list(['unknown'], 1, signal);
  return dial?.id ?? '';
}

describe('an outcome nobody heard', () => {
  it('is looked up, and the call found is the order’s, with its slot', async () => {
    const retell = silentRetell();
    const house = given(retell.control);
    const id = await placeUnheard(house);
    retell.listed.push({ callId, status: 'registered', agentId: undefined });
    await house.work(6_000);
    expect(await house.queue.find(id, signal)).toEqual({ state: 'placed', id, callId });
    expect(await house.queue.place(order, 'r1')).toEqual({ state: 'placed', id, callId });
    expect(await house.context.leases.rename(callId, 'x', 1_000, signal)).toBe(true);
  });

  it('is looked up again while a call that rings need not be listed', async () => {
    const retell = silentRetell();
    const house = given(retell.control);
    const id = await placeUnheard(house);
    await house.work(35_000);
    expect(retell.asked()).toBe(2);
    expect(await house.stateOf(id)).toBe('unknown');
    retell.listed.push({ callId, status: 'ongoing', agentId: undefined });
    await house.work(90_000);
    expect(await house.stateOf(id)).toBe('placed');
    await house.work(10 * MINUTE_MS);
    expect(retell.asked()).toBe(3);
  });

  it('is a dial that failed once no call can ring any more, and is never dialled again', async () => {
    let dials = 0;
    const place = () => {
      dials++;
      return Promise.reject(unheard);
    };
    const retell = silentRetell({ place });
    const house = given(retell.control);
    const id = await placeUnheard(house);
    await house.work(5 * MINUTE_MS);
    expect(await house.stateOf(id)).toBe('unknown');
    await house.work(2 * MINUTE_MS);
    expect(await house.queue.find(id, signal)).toEqual({ state: 'failed', id, reason: 'retell.not_dialled' });
    await expect(house.queue.place(order, 'r1')).rejects.toMatchObject({ reason: 'calls.refused_before' });
    expect(dials).toBe(1);
  });

  it('stays unknown while Retell cannot be asked', async () => {
    const down = () => Promise.reject(new Fault('unavailable', 'retell.unavailable', 'gone'));
    const house = given(silentRetell({ findByMetadata: down }).control);
    const id = await placeUnheard(house);
    await house.work(8 * MINUTE_MS);
    expect(await house.stateOf(id)).toBe('unknown');
  });
});

describe('an order a process died over', () => {
  const id = 'dial_0123456789abcdef';
  const anyTime = { spacingMs: 0, room: undefined };

  /** A house without its queue, and an order that somebody took. */
  async function abandoned(callControl: CallControl) {
    const house = given(callControl);
    await house.queue.close();
    await house.context.dials.open({ id, order, requestId: 'r1' }, 10, signal);
    const taking = await house.context.dials.take(anyTime, signal);
    if (taking.kind !== 'taken') throw new Error(taking.kind);
    return { ...house, dial: taking.dial };
  }

  it('while it dialled is found within two minutes and looked up', async () => {
    const retell = silentRetell();
    const { context, dial, work, stateOf } = await abandoned(retell.control);
    await context.dials.begin(dial, signal);
    retell.listed.push({ callId, status: 'ongoing', agentId: undefined });
    await work(30_000);
    expect(await stateOf(id)).toBe('dialling');
    await work(2 * MINUTE_MS);
    expect(await stateOf(id)).toBe('placed');
  });

  it('before it dialled waits again within two minutes, with nobody asked, and is dialled', async () => {
    const retell = silentRetell({ place: async () => ({ callId, status: 'registered', agentId: undefined }) });
    const { context, clock, work, stateOf } = await abandoned(retell.control);
    await work(30_000);
    expect(await stateOf(id)).toBe('taken');
    await work(2 * MINUTE_MS);
    expect(await stateOf(id)).toBe('queued');
    expect(retell.asked()).toBe(0);
    const next = createDialQueue(context, { perSecond: 1 });
    await clock.advance(1_000);
    expect(await next.place(order, 'r1')).toEqual({ state: 'placed', id, callId });
  });
});

describe('a placed call', () => {
  const place = async () => ({ callId, status: 'registered', agentId: undefined });
  const over: CallControl['ended'] = async ([asked]) => (asked ? [overAt(asked, 'dial_busy')] : []);
  const reported = async ({ records }: OperationContext) =>
    (await records.pendingFacts(10, signal)).map(({ event }) => event);

  it('that never reached us is closed within 15 minutes of its missed end', async () => {
    const answers: (readonly RemoteCall[])[] = [[]];
    const ended = async () => answers.shift() ?? [overAt(callId, 'dial_busy')];
    const house = given(retellOnPaper({ place, ended }));
    await house.queue.place(order, undefined);
    await house.work(7 * MINUTE_MS);
    expect(await reported(house.context)).toEqual([]);
    await house.work(5 * MINUTE_MS);
    expect(await reported(house.context)).toMatchObject([{ type: 'call.reported', disconnectionReason: 'dial_busy' }]);
    expect(await house.context.records.isEnded(callId, signal)).toBe(true);
    await house.work(60 * MINUTE_MS);
    expect(await reported(house.context)).toHaveLength(1);
  });

  it.each([
    [
      'whose end was told',
      async ({ records }: OperationContext, id: CallId) => {
        const webhook = {
          key: `call_ended:${id}`,
          event: 'call_ended',
          callId: id,
          signedAt: 1,
          receivedAt: 1,
          body: '',
        };
        await records.acceptWebhook(webhook, { facts: [], jobs: [] }, signal);
      },
    ],
    [
      'that reached us',
      async ({ callStore }: OperationContext, id: CallId) => {
        await callStore.take(id, signal);
        await callStore.commit(id, 1, { head: sampleHead(), appended: [], facts: [] }, signal);
      },
    ],
    ['that is archived', ({ records }: OperationContext, id: CallId) => records.saveReport(sampleReport(id), signal)],
  ])('%s is not asked after', async (_, come) => {
    let asked = 0;
    const ended: CallControl['ended'] = async (ids) => {
      asked++;
      return over(ids, signal);
    };
    const house = given(retellOnPaper({ place, ended }));
    await house.queue.place(order, undefined);
    await come(house.context, callId);
    await house.work(30 * MINUTE_MS);
    expect(asked).toBe(0);
  });

  it('is told to the author’s hook once, and again when that failed', async () => {
    const heard: unknown[] = [];
    const hooks: CallHooks = {
      async onCallPlaced(event) {
        heard.push(event);
        if (heard.length === 1) throw new Fault('unavailable', 'crm.down', 'away');
      },
    };
    const house = given(retellOnPaper({ place, ended: over }), { hooks });
    await house.queue.place(order, undefined);
    await workFor(MINUTE_MS, house.context, house.clock, { handlers: hookHandlers(hooks) });
    expect(heard).toEqual([
      { callId, attempt: 1 },
      { callId, attempt: 2 },
    ]);
  });
});

it('does nothing of this without a key', () => {
  expect(dialWork(memoryContext({ callControl: undefined }).context)).toEqual({ handlers: {}, schedules: [] });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newCallId, sampleHead } from '../../test/contracts/samples.ts';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import { memoryJobs } from '../adapters/memory/jobs.ts';
import type { CallId } from '../call/call.ts';
import type { RemoteCall } from '../ports/call-control.ts';
import type { CallStore } from '../ports/call-store.ts';
import { Fault } from '../std/fault.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { missedEnds } from './missed-ends.ts';

const { signal } = new AbortController();
const MINUTE_MS = 60_000;

describe('the sweep for missed ends', () => {
  let clock: ManualClock;
  let callStore: CallStore;
  let over: Set<CallId>;
  let asked: (readonly CallId[])[];
  let reported: CallId[];
  let fail: (() => Fault | undefined) | undefined;
  let stopping: AbortController;
  let working: Promise<void>;

  beforeEach(() => {
    clock = new ManualClock();
    callStore = memoryCallStore(clock);
    over = new Set();
    asked = [];
    reported = [];
    fail = undefined;
    stopping = new AbortController();
    const ended = async (callIds: readonly CallId[]): Promise<readonly RemoteCall[]> => {
      asked.push(callIds);
      const fault = fail?.();
      if (fault) throw fault;
      return callIds
        .filter((callId) => over.has(callId))
        .map((callId) => ({ callId, status: 'ended', agentId: undefined, disconnectionReason: 'user_hangup' }));
    };
    const reportEnded = async ({ callId }: RemoteCall) => {
      reported.push(callId);
      if (callId === unreportable) throw new Fault('unavailable', 'store.busy', 'busy');
      await callStore.remove(callId, signal);
      return 'stored' as const;
    };
    const work = missedEnds({ callStore, callControl: { ended }, reportEnded, clock, log: silentLog });
    working = memoryJobs(clock).work(work, stopping.signal);
  });
  afterEach(async () => {
    unreportable = undefined;
    stopping.abort();
    await working;
  });

  let unreportable: CallId | undefined;
  const store = async () => {
    const callId = newCallId();
    const { epoch } = await callStore.take(callId, signal);
    await callStore.commit(callId, epoch, { head: sampleHead(), appended: [], facts: [] }, signal);
    return callId;
  };

  it('reports what is over at Retell within 15 minutes, once', async () => {
    const [ended, goingOn] = [await store(), await store()];
    over.add(ended);
    await clock.advance(15 * MINUTE_MS);
    expect(reported).toEqual([ended]);
    expect(asked.at(-1)).toEqual([goingOn]);
  });

  it('leaves calls alone that were stored lately', async () => {
    const callId = await store();
    over.add(callId);
    for (let minute = 0; minute < 20; minute++) {
      await clock.advance(MINUTE_MS);
      await callStore.commit(callId, 1, { head: sampleHead(minute), appended: [], facts: [] }, signal);
    }
    expect(asked).toEqual([]);
  });

  it('asks after a hundred calls at a time, those quiet for longest first', async () => {
    const first = await store();
    await clock.advance(1_000);
    for (let more = 0; more < 120; more++) await store();
    await clock.advance(10 * MINUTE_MS);
    expect(asked.slice(-2).map(({ length }) => length)).toEqual([100, 21]);
    expect(asked.at(-2)?.[0]).toBe(first);
  });

  it('tries again soon when Retell could not be asked', async () => {
    const faults = [new Fault('unavailable', 'retell.unavailable', 'gone')];
    fail = () => faults.shift();
    over.add(await store());
    await clock.advance(11 * MINUTE_MS);
    expect(reported).toHaveLength(1);
  });

  it('does not let a call that cannot be reported keep the others, and finds it again', async () => {
    unreportable = await store();
    const other = await store();
    for (const callId of [unreportable, other]) over.add(callId);
    await clock.advance(16 * MINUTE_MS);
    expect(reported).toContain(other);
    expect(reported.filter((callId) => callId === unreportable).length).toBeGreaterThan(1);
  });

  it('asks nothing when no call is quiet', async () => {
    await clock.advance(30 * MINUTE_MS);
    expect(asked).toEqual([]);
  });
});

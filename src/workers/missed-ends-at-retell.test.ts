import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newCallId, sampleHead } from '../../test/contracts/samples.ts';
import { memoryEventLog } from '../adapters/memory/event-log.ts';
import { memoryToolLedger } from '../adapters/memory/tool-ledger.ts';
import { retellCallControl } from '../adapters/retell/call-control.ts';
import type { CallId } from '../call/call.ts';
import { acceptWebhook } from '../operations/accept-webhook.ts';
import { memoryContext } from '../operations/context.fixture.ts';
import { reportEnded } from '../operations/report-ended.ts';
import { type FakeRetell, startFakeRetell } from '../simulator/stubs/fake-retell.ts';
import { ARCHIVE_GROUP, archiveHandler } from './archive.ts';
import { CLOSER_GROUP, closerHandler } from './closer.ts';
import { missedEnds } from './missed-ends.ts';
import { runRelay } from './relay.ts';
import { runWorker } from './worker.ts';

const { signal } = new AbortController();
const MINUTE_MS = 60_000;
const LISTS = 'POST /v3/list-calls';

/** The back office and the sweep, over memory and Retell's API, with the clock in the test's hand. */
async function given(retell: FakeRetell) {
  const callControl = retellCallControl({ apiKey: 'key_1', baseUrl: retell.url });
  const { context, clock } = memoryContext({ callControl });
  const { callStore, records, jobs, log } = context;
  const eventLog = memoryEventLog(clock);
  const stop = new AbortController();
  const ender = { end: async () => {} };
  const shared = { eventLog, clock, log };
  const archive = archiveHandler({ records, callStore, toolLedger: memoryToolLedger() });
  const closer = closerHandler({ ender, callStore, clock });
  const sweep = missedEnds({
    callStore,
    callControl,
    reportEnded: (call, within) => reportEnded(context, call, within),
    clock,
    log,
  });
  const running = Promise.all([
    runRelay({ ...shared, sources: [callStore, records] }, stop.signal),
    runWorker({ ...shared, group: ARCHIVE_GROUP, handle: archive }, stop.signal),
    runWorker({ ...shared, group: CLOSER_GROUP, handle: closer }, stop.signal),
    jobs.work(sweep, stop.signal),
  ]);
  return {
    context,
    clock,
    asked: () => retell.requests().get(LISTS) ?? 0,
    /** Moves time on until it holds. */
    until: (holds: () => Promise<boolean>) =>
      vi.waitFor(async () => {
        await clock.advance(1_000);
        expect(await holds()).toBe(true);
      }),
    async close() {
      stop.abort();
      await running;
    },
  };
}

describe('a call whose call_ended is lost', () => {
  let retell: FakeRetell;
  let house: Awaited<ReturnType<typeof given>>;
  let callId: CallId;
  beforeEach(async () => {
    retell = await startFakeRetell({ apiKey: 'key_1' });
    house = await given(retell);
    callId = newCallId();
    retell.add({ call_id: callId, call_status: 'ongoing' });
    const { callStore } = house.context;
    await callStore.take(callId, signal);
    await callStore.commit(callId, 1, { head: sampleHead(), appended: [], facts: [] }, signal);
  });
  afterEach(async () => {
    await house.close();
    await retell.close();
  });

  it('is closed once Retell says that it is over, and its webhook changes nothing afterwards', async () => {
    const { context, clock, until, asked } = house;
    const { records, callStore } = context;
    await clock.advance(6 * MINUTE_MS);
    await until(async () => asked() > 0);
    expect(await records.isEnded(callId, signal)).toBe(false);
    expect((await callStore.load(callId, signal))?.head.phase.kind).toBe('listening');

    retell.end(callId, 'user_hangup', 61_000);
    await clock.advance(5 * MINUTE_MS);
    await until(async () => (await records.report(callId, signal)) !== undefined);
    await until(async () => (await callStore.load(callId, signal)) === undefined);
    const facts = await records.facts(callId, signal);
    expect(facts).toMatchObject([
      { type: 'call.reported', disconnectionReason: 'user_hangup', durationMs: 61_000 },
      { type: 'call.ended', reason: 'user_hangup' },
    ]);
    const report = await records.report(callId, signal);

    const account = { disconnectionReason: 'agent_hangup', durationMs: 1 };
    const webhook = { event: 'call_ended', key: `call_ended:${callId}`, callId, signedAtMs: 1, body: '{}' };
    expect(await acceptWebhook(context, { ...webhook, ended: account }, signal)).toBe('duplicate');
    await clock.advance(20 * MINUTE_MS);
    expect(await records.facts(callId, signal)).toEqual(facts);
    expect(await records.report(callId, signal)).toEqual(report);
  });
});

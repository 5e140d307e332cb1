import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newCallId, sampleEvent, sampleHead, sampleTurn } from '../../test/contracts/samples.ts';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import { memoryEventLog } from '../adapters/memory/event-log.ts';
import { memoryRecords } from '../adapters/memory/records.ts';
import { memoryToolLedger } from '../adapters/memory/tool-ledger.ts';
import { openEmbedded } from '../adapters/sqlite/embedded.ts';
import type { CallId } from '../call/call.ts';
import type { CallEvent } from '../call/events.ts';
import type { CallReport } from '../call/report.ts';
import type { CallStore } from '../ports/call-store.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { Records } from '../ports/records.ts';
import type { ToolLedger } from '../ports/tool-ledger.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { ARCHIVE_GROUP, archiveHandler } from './archive.ts';
import { CLOSER_GROUP, closerHandler } from './closer.ts';
import { runRelay } from './relay.ts';
import { runWorker } from './worker.ts';

const signal = new AbortController().signal;

interface Stores {
  readonly callStore: CallStore;
  readonly toolLedger: ToolLedger;
  readonly eventLog: EventLog;
  readonly records: Records;
  close(): Promise<void>;
}

/** Relay, archive and closer together, as a variant runs them. */
function backOffice(name: string, open: (clock: ManualClock) => Promise<Stores>, numRuns: number): void {
  describe(`the back office over ${name}`, () => {
    let clock: ManualClock;
    let stores: Stores;
    let stop: AbortController;
    let running: Promise<unknown>;
    beforeEach(async () => {
      clock = new ManualClock();
      stores = await open(clock);
      stop = new AbortController();
      running = Promise.all(workers());
    });
    afterEach(async () => {
      stop.abort();
      await running;
      await stores.close();
    });

    const workers = () => {
      const { callStore, eventLog, records } = stores;
      const shared = { eventLog, clock, log: silentLog };
      const archive = archiveHandler(stores);
      const closer = closerHandler({ ender: { end: async () => {} }, callStore, clock });
      return [
        runRelay({ ...shared, sources: [callStore, records] }, stop.signal),
        runWorker({ ...shared, group: ARCHIVE_GROUP, handle: archive }, stop.signal),
        runWorker({ ...shared, group: CLOSER_GROUP, handle: closer }, stop.signal),
      ];
    };
    const report = (callId: CallId) => {
      const webhook = { key: `end ${callId}`, event: 'call_ended', callId, signedAt: 1, receivedAt: 1, body: '{}' };
      const fact = { type: 'call.reported', disconnectionReason: 'user_hangup', durationMs: 5_000 } as const;
      return stores.records.acceptWebhook(webhook, { facts: [sampleEvent(callId, 0, fact, 0)], jobs: [] }, signal);
    };
    const started = (callId: CallId) =>
      sampleEvent(callId, 0, { type: 'call.started', agent: 'front-desk', agentVersion: '1', isProven: true });
    const commit = (callId: CallId, facts: readonly CallEvent[], isOver = false) => {
      const head = sampleHead(1, isOver ? { phase: { kind: 'over', reason: 'hung_up' } } : {});
      const appended = [{ index: 0, role: 'user' as const, content: 'hello' }];
      return stores.callStore.commit(callId, 1, { head, appended, facts }, signal);
    };
    const archived = (callId: CallId, expected: Partial<CallReport>) =>
      vi.waitFor(
        async () => {
          await clock.advance(250);
          expect(await stores.records.report(callId, signal)).toMatchObject(expected);
          expect(await stores.callStore.load(callId, signal)).toBeUndefined();
        },
        { timeout: 10_000, interval: 1 },
      );

    it('takes a call from its first commit to the archive when its webhook comes', async () => {
      const callId = newCallId();
      await stores.callStore.take(callId, signal);
      await commit(callId, [started(callId), sampleEvent(callId, 1, sampleTurn(1))]);
      await report(callId);
      await archived(callId, { reason: 'user_hangup', turns: 1, transcript: [{ role: 'user', content: 'hello' }] });
    });

    it('gives every call of which only a webhook is known a report', async () => {
      const callId = newCallId();
      await report(callId);
      await archived(callId, { reason: 'user_hangup', turns: 0, agent: { name: 'unknown', version: 'unknown' } });
    });

    it('comes to one report for every order of what happens, with webhooks doubled', async () => {
      const step = fc.constantFrom('end', 'report', 'report', 'wait', 'wait', 'again');
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
          const callId = newCallId();
          const ended = sampleEvent(callId, 2, { type: 'call.ended', reason: 'hung_up' });
          await stores.callStore.take(callId, signal);
          await commit(callId, [started(callId), sampleEvent(callId, 1, sampleTurn(1))]);
          for (const act of [...steps, 'report']) {
            if (act === 'end') await commit(callId, [ended], true);
            if (act === 'report') await report(callId);
            if (act === 'wait') await clock.advance(300);
            if (act === 'again') await stores.callStore.enqueue([started(callId)], signal);
          }
          await archived(callId, { reason: 'user_hangup', turns: 1, transcript: [{ role: 'user', content: 'hello' }] });
          const facts = await stores.records.facts(callId, signal);
          expect(facts.filter(({ type }) => type === 'call.started')).toHaveLength(1);
          expect(facts.filter(({ type }) => type === 'call.reported')).toHaveLength(1);
        }),
        { numRuns },
      );
    });

    it('goes on where it was when it was stopped in the middle', async () => {
      const callIds = Array.from({ length: 20 }, () => newCallId());
      for (const callId of callIds) {
        await stores.callStore.take(callId, signal);
        await commit(callId, [started(callId)]);
        await report(callId);
      }
      await clock.advance(210);
      stop.abort();
      await clock.advance(10_000);
      await running;
      stop = new AbortController();
      running = Promise.all(workers());
      for (const callId of callIds) await archived(callId, { reason: 'user_hangup' });
      expect(await stores.callStore.pendingFacts(10, signal)).toEqual([]);
    });
  });
}

backOffice(
  'memory',
  async (clock) => ({
    callStore: memoryCallStore(clock),
    toolLedger: memoryToolLedger(),
    eventLog: memoryEventLog(clock),
    records: memoryRecords(),
    close: async () => {},
  }),
  40,
);

backOffice(
  'sqlite',
  async (clock) => {
    const dir = await mkdtemp(join(tmpdir(), 'offhook-'));
    const stores = await openEmbedded(dir, clock, silentLog, signal);
    return {
      ...stores,
      async close() {
        await stores.close();
        await rm(dir, { recursive: true });
      },
    };
  },
  8,
);

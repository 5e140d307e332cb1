import { performance } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openPostgres, type PostgresStores } from '../../src/adapters/postgres/postgres.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLog } from '../../src/std/log.ts';
import { startPostgres } from '../../tools/services/postgres.ts';
import type { RunningService } from '../../tools/services/running-service.ts';
import { newCallId, sampleEvent } from '../contracts/samples.ts';
import { signal } from '../contracts/subject.ts';
import { shiftTimes } from './postgres-subject.ts';

const BACK_WITHIN = { timeout: 20_000, interval: 50 };
/** Making a connection, and what a busy machine adds. */
const AT_ONCE_MS = 1_500;

let service: RunningService;
let stores: PostgresStores;

beforeAll(async () => {
  service = await startPostgres();
});
afterAll(() => service.stop());

const open = () => openPostgres(service.url, systemClock, silentLog, signal);
beforeEach(async () => {
  stores = await open();
});
afterEach(async () => {
  service.resume();
  await service.start();
  await stores.close();
});

const isBack = () => vi.waitFor(() => stores.ping(signal), BACK_WITHIN);

/** What it failed with, and after how long. */
async function failureOf(work: () => Promise<unknown>) {
  const from = performance.now();
  const fault = await work().then(
    () => 'nothing',
    (thrown: unknown) => thrown,
  );
  return { fault, tookMs: performance.now() - from };
}

describe('the stores in Postgres', () => {
  it('fail at once while it is gone, and go on by themselves with all they had acknowledged', async () => {
    const { records, toolLedger, dials, jobs } = stores;
    const callId = newCallId();
    const fact = sampleEvent(callId, 1);
    const webhook = { key: `ended ${callId}`, event: 'call_ended', callId, signedAt: 1, receivedAt: 2, body: '{}' };
    await records.saveFact(fact, signal);
    await records.acceptWebhook(webhook, { facts: [fact], jobs: [{ kind: 'kept', payload: {} }] }, signal);
    await toolLedger.claim(callId, 'book', signal);
    await service.kill();
    for (const work of [
      () => records.facts(callId, signal),
      () => records.acceptWebhook(webhook, { facts: [], jobs: [] }, signal),
      () => toolLedger.claim(callId, 'pay', signal),
      () => dials.take({ spacingMs: 0, room: undefined }, signal),
      () => jobs.enqueue([{ kind: 'lost', payload: {} }], signal),
      () => stores.ping(signal),
    ]) {
      const { fault, tookMs } = await failureOf(work);
      expect(fault).toMatchObject({ kind: 'unavailable', reason: 'postgres.unreachable' });
      expect(tookMs).toBeLessThan(AT_ONCE_MS);
    }
    await service.start();
    await isBack();
    expect(await records.facts(callId, signal)).toEqual([fact]);
    expect(await records.acceptWebhook(webhook, { facts: [], jobs: [] }, signal)).toBe('duplicate');
    expect((await records.pendingFacts(10, signal)).map(({ event }) => event)).toEqual([fact]);
    expect(await toolLedger.claim(callId, 'book', signal)).toMatchObject({ kind: 'unsettled' });
    expect(await toolLedger.claim(callId, 'pay', signal)).toMatchObject({ kind: 'claimed' });
  });

  it('open while it is away, and bring the database forward when it comes', async () => {
    const fresh = await startPostgres();
    await fresh.kill();
    const early = await openPostgres(fresh.url, systemClock, silentLog, signal);
    await expect(early.ping(signal)).rejects.toMatchObject({ reason: 'postgres.unreachable' });
    await fresh.start();
    const callId = newCallId();
    await vi.waitFor(() => early.records.saveFact(sampleEvent(callId, 1), signal), BACK_WITHIN);
    expect(await early.records.facts(callId, signal)).toHaveLength(1);
    await early.close();
    await fresh.stop();
  });

  it('wait no longer than they are told to while it stands still, nor for ever', async () => {
    const callId = newCallId();
    await stores.records.isNamed(callId, signal);
    service.pause();
    const aborting = new AbortController();
    const reason = new Error('enough');
    const asked = failureOf(() => stores.records.isNamed(callId, aborting.signal));
    aborting.abort(reason);
    expect(await asked).toMatchObject({ fault: reason });
    const given = await failureOf(() => stores.toolLedger.claim(callId, 'book', signal));
    expect(given.fault).toMatchObject({ reason: expect.stringMatching(/^postgres\.(?:timeout|unreachable)$/) });
    expect(given.tookMs).toBeLessThan(8_000);
    service.resume();
    await isBack();
    expect(await stores.records.isNamed(callId, signal)).toBe(false);
  });

  it('go on doing jobs after it was gone, those that were in hand included', async () => {
    const { jobs } = stores;
    const stop = new AbortController();
    const done: unknown[] = [];
    const begun = Promise.withResolvers<void>();
    const away = Promise.withResolvers<void>();
    const hold = async () => {
      begun.resolve();
      await away.promise;
      done.push('held');
    };
    const note = async ({ payload }: { readonly payload: Readonly<Record<string, unknown>> }) => {
      done.push(payload.n);
    };
    const ended = jobs.work({ handlers: { hold, note } }, stop.signal);
    await jobs.enqueue([{ kind: 'hold', payload: {} }], signal);
    await begun.promise;
    await service.kill();
    away.resolve();
    await service.start();
    await isBack();
    await jobs.enqueue([{ kind: 'note', payload: { n: 1 } }], signal);
    await vi.waitFor(() => expect(done).toEqual(['held', 1]), BACK_WITHIN);
    // Its end was not written down, so it is done again once whoever did it counts as dead.
    await vi.waitFor(async () => {
      await shiftTimes(service.url, 10_000);
      expect(done).toEqual(['held', 1, 'held']);
    }, BACK_WITHIN);
    stop.abort();
    await ended;
  });
});

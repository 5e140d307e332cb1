import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newCallId, sampleEvent } from '../../../test/contracts/samples.ts';
import { silentLog } from '../../std/log.ts';
import { ManualClock } from '../../std/manual-clock.ts';
import { type LiveDatabase, openLive } from './live.ts';
import { eventLogOver, RecordsClient, recordsOver, spawnRecordsThread } from './records-client.ts';

const signal = new AbortController().signal;

describe('the records client', () => {
  let dir: string;
  let live: LiveDatabase;
  let clock: ManualClock;
  let threads: Worker[];
  let client: RecordsClient;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'offhook-'));
    const paths = { livePath: join(dir, 'live.db'), recordsPath: join(dir, 'records.db') };
    live = openLive(paths.livePath);
    clock = new ManualClock();
    threads = [];
    const spawn = () => {
      const thread = spawnRecordsThread(paths);
      threads.push(thread);
      return thread;
    };
    client = await RecordsClient.open(spawn, clock, silentLog, signal);
  });
  afterEach(async () => {
    await client.close();
    live.close();
    rmSync(dir, { recursive: true });
  });

  const kill = async () => {
    await threads.at(-1)?.terminate();
  };

  it('fails what a lost thread was asked, starts another at once, and finds what was acknowledged', async () => {
    const records = recordsOver(client, clock);
    const fact = sampleEvent(newCallId(), 1);
    await records.saveFact(fact, signal);
    // Asked once the thread is told to end: one that is still running might answer before it does.
    const killed = kill();
    const asked = Promise.allSettled([records.facts(fact.callId, signal), records.listCalls(1, undefined, signal)]);
    await killed;
    for (const outcome of await asked) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { kind: 'unavailable', reason: 'records.thread_lost' },
      });
    }
    expect(threads).toHaveLength(2);
    expect(await records.facts(fact.callId, signal)).toEqual([fact]);
  });

  it('waits ever longer before it starts a thread that keeps ending, and fails at once meanwhile', async () => {
    await kill();
    await kill();
    expect(threads).toHaveLength(2);
    await expect(recordsOver(client, clock).facts(newCallId(), signal)).rejects.toMatchObject({
      reason: 'records.thread_lost',
    });
    await clock.advance(999);
    expect(threads).toHaveLength(2);
    await clock.advance(1);
    expect(threads).toHaveLength(3);
    await kill();
    await clock.advance(1_999);
    expect(threads).toHaveLength(3);
    await clock.advance(1);
    expect(threads).toHaveLength(4);
    expect(await recordsOver(client, clock).facts(newCallId(), signal)).toEqual([]);
  });

  it('rejects with the reason when aborted, though what was asked is still written', async () => {
    const records = recordsOver(client, clock);
    const fact = sampleEvent(newCallId(), 1);
    const aborting = new AbortController();
    const saving = records.saveFact(fact, aborting.signal);
    aborting.abort(new Error('enough'));
    await expect(saving).rejects.toThrow('enough');
    expect(await records.facts(fact.callId, signal)).toEqual([fact]);
  });

  it('brings a Fault over from the thread whole', async () => {
    // The table takes whole numbers only, so it is SQLite, in the thread, that refuses.
    const broken = { ...sampleEvent(newCallId(), 1), seq: 1.5 };
    await expect(recordsOver(client, clock).saveFact(broken, signal)).rejects.toMatchObject({
      name: 'Fault',
      kind: 'bug',
      reason: 'store.failed',
    });
  });

  it('answers in the order it was asked', async () => {
    const records = recordsOver(client, clock);
    const callId = newCallId();
    const order: number[] = [];
    await Promise.all(
      [1, 2, 3, 4, 5].map((seq) => records.saveFact(sampleEvent(callId, seq), signal).then(() => order.push(seq))),
    );
    expect(order).toEqual([1, 2, 3, 4, 5]);
  });

  it('takes deliveries back in the order it was asked, among reads of the same message', async () => {
    const log = eventLogOver(client, clock);
    await log.publish([sampleEvent(newCallId(), 1)], signal);
    const read = async () => (await log.read({ name: 'archive' }, 10, 1_000, signal)).length;
    const takeBack = () => client.ask('takeBack', [clock.now()], signal);
    expect(await Promise.all([read(), takeBack(), read(), read()])).toEqual([1, undefined, 1, 0]);
    expect(await read()).toBe(0);
  });

  it('forgets old events only when every group is done with them', async () => {
    const log = eventLogOver(client, clock);
    const facts = [newCallId(), newCallId()].map((callId) => sampleEvent(callId, 1));
    await log.publish(facts, signal);
    const prune = () => client.ask('pruneEvents', [clock.now() + 1], signal);
    expect(await prune()).toBe(0);
    const [first, second] = await log.read({ name: 'archive' }, 10, 1_000, signal);
    await log.ack('archive', first?.id ?? '', signal);
    expect(await client.ask('pruneEvents', [clock.now()], signal)).toBe(0);
    expect(await prune()).toBe(1);
    await log.ack('archive', second?.id ?? '', signal);
    expect(await prune()).toBe(1);
  });

  it('finishes what it was asked before it closes, and refuses what comes after', async () => {
    const records = recordsOver(client, clock);
    const fact = sampleEvent(newCallId(), 1);
    const saving = records.saveFact(fact, signal);
    const closing = client.close();
    await expect(records.facts(fact.callId, signal)).rejects.toMatchObject({ reason: 'records.closed' });
    await expect(saving).resolves.toBeUndefined();
    await closing;
    await vi.waitFor(() => expect(threads.map(({ threadId }) => threadId)).toEqual([-1]));
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newCallId, sampleEvent, sampleHead } from '../../../test/contracts/samples.ts';
import { ManualClock } from '../../std/manual-clock.ts';
import { type SqliteCallStore, sqliteCallStore } from './call-store.ts';
import { type LiveDatabase, openLive } from './live.ts';

const signal = new AbortController().signal;

describe('the call store in SQLite', () => {
  let dir: string;
  let live: LiveDatabase;
  let clock: ManualClock;
  let store: SqliteCallStore;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'offhook-'));
    live = openLive(join(dir, 'live.db'));
    clock = new ManualClock();
    store = sqliteCallStore(live, clock);
  });
  afterEach(() => {
    live.close();
    rmSync(dir, { recursive: true });
  });

  const rowsWritten = () => Number(live.database.prepare('SELECT total_changes() AS n').get()?.n);
  const walPages = () => Number(live.database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()?.log);

  it('writes as many rows for the five hundredth commit of a call as for the second', async () => {
    const callId = newCallId();
    await store.take(callId, signal);
    const costs: number[] = [];
    for (let turn = 1; turn <= 500; turn++) {
      const before = rowsWritten();
      const appended = [0, 1].map((i) => ({ index: 2 * turn + i, role: 'user' as const, content: 'a few words' }));
      await store.commit(callId, 1, { head: sampleHead(turn), appended, facts: [sampleEvent(callId, turn)] }, signal);
      costs.push(rowsWritten() - before);
    }
    // The head, two utterances, one fact.
    expect(new Set(costs)).toEqual(new Set([4]));
  });

  it('never copies the write-ahead log back by itself', async () => {
    const callId = newCallId();
    await store.take(callId, signal);
    for (let turn = 1; turn <= 400; turn++)
      await store.commit(
        callId,
        1,
        { head: sampleHead(turn), appended: [], facts: [sampleEvent(callId, turn)] },
        signal,
      );
    // SQLite's own default would have begun again at 1,000 pages.
    expect(walPages()).toBeGreaterThan(1_000);
  });

  it('prunes calls and epochs that nobody touched for the time given, never their facts', async () => {
    const [stale, removed, fresh] = [newCallId(), newCallId(), newCallId()];
    for (const callId of [stale, removed, fresh]) {
      await store.take(callId, signal);
      const appended = [{ index: 0, role: 'user' as const, content: 'hello' }];
      await store.commit(callId, 1, { head: sampleHead(), appended, facts: [sampleEvent(callId, 1)] }, signal);
    }
    await store.remove(removed, signal);
    await clock.advance(1_000);
    await store.commit(fresh, 1, { head: sampleHead(), appended: [], facts: [] }, signal);
    expect(store.prune(1_000)).toBe(0);
    await clock.advance(1);
    expect(store.prune(1_000)).toBe(2);
    expect((await store.list(signal)).map(({ callId }) => callId)).toEqual([fresh]);
    expect(await store.pendingFacts(10, signal)).toHaveLength(3);
    expect(await store.take(stale, signal)).toEqual({ epoch: 1, stored: undefined });
    expect(await store.take(removed, signal)).toEqual({ epoch: 1, stored: undefined });
  });

  it('writes nothing of a commit of which a part is refused', async () => {
    const callId = newCallId();
    await store.take(callId, signal);
    live.database.exec("CREATE TEMP TRIGGER no_facts BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END");
    const appended = [{ index: 0, role: 'user' as const, content: 'hello' }];
    const commit = { head: sampleHead(), appended, facts: [sampleEvent(callId, 1)] };
    await expect(store.commit(callId, 1, commit, signal)).rejects.toMatchObject({ reason: 'store.failed' });
    expect(await store.load(callId, signal)).toBeUndefined();
  });

  it('says so when a row is not what it wrote', async () => {
    live.database.exec("INSERT INTO calls VALUES ('not a call id', 1, 0, '{}', 1, 1)");
    await expect(store.list(signal)).rejects.toMatchObject({ reason: 'store.row_unexpected' });
  });
});

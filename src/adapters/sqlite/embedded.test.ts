import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newCallId, sampleEvent, sampleHead } from '../../../test/contracts/samples.ts';
import { Fault } from '../../std/fault.ts';
import { silentLog } from '../../std/log.ts';
import { ManualClock } from '../../std/manual-clock.ts';
import { type Embedded, openEmbedded } from './embedded.ts';

const signal = new AbortController().signal;

describe('the embedded stores', () => {
  let dir: string;
  let clock: ManualClock;
  let stores: Embedded | undefined;
  beforeEach(() => {
    dir = join(mkdtempSync(join(tmpdir(), 'offhook-')), 'data');
    clock = new ManualClock();
  });
  afterEach(async () => {
    await stores?.close();
    stores = undefined;
    rmSync(join(dir, '..'), { recursive: true });
  });

  const open = async () => {
    stores = await openEmbedded(dir, clock, silentLog, signal);
    return stores;
  };
  const walBytes = () => statSync(join(dir, 'live.db-wal')).size;
  const databaseBytes = () => statSync(join(dir, 'live.db')).size;
  const commitMany = async ({ callStore }: Embedded, count: number) => {
    const callId = newCallId();
    await callStore.take(callId, signal);
    for (let i = 1; i <= count; i++)
      await callStore.commit(callId, 1, { head: sampleHead(i), appended: [], facts: [sampleEvent(callId, i)] }, signal);
    return callId;
  };

  it('makes a folder for its owner only, and leaves no write-ahead log behind when closed', async () => {
    const opened = await open();
    expect((statSync(dir).mode & 0o777).toString(8)).toBe('700');
    for (const file of readdirSync(dir)) expect((statSync(join(dir, file)).mode & 0o777).toString(8)).toBe('600');
    await commitMany(opened, 10);
    await opened.close();
    await opened.close();
    expect(readdirSync(dir).toSorted()).toEqual(['live.db', 'lock.db', 'records.db']);
  });

  it('refuses a folder that is open already, and takes it once it is closed', async () => {
    const first = await open();
    await expect(openEmbedded(dir, clock, silentLog, signal)).rejects.toMatchObject({
      kind: 'conflict',
      reason: 'store.in_use',
    });
    const callId = await commitMany(first, 1);
    await first.close();
    const second = await open();
    expect((await second.callStore.load(callId, signal))?.head.lastAsk).toBe(1);
  });

  it('copies the live log back from the other thread while calls go on', async () => {
    const opened = await open();
    await commitMany(opened, 300);
    const [wal, database] = [walBytes(), databaseBytes()];
    expect(wal).toBeGreaterThan(database);
    await clock.advance(2_000);
    // The thread does one thing after another: when it answers this, it has copied.
    await opened.jobs.deadJobs(1, undefined, signal);
    expect(databaseBytes()).toBeGreaterThan(database);
    // All of it was copied, so the log is written from its start again and does not grow.
    await commitMany(opened, 100);
    expect(walBytes()).toBe(wal);
  });

  it('prunes once an hour what nobody touched for a day and the longest call', async () => {
    const opened = await open();
    await commitMany(opened, 1);
    await clock.advance(3_600_000);
    expect(await opened.callStore.list(signal)).toHaveLength(1);
    // Opened again a day later rather than advanced: a day of checkpoints would be fired one by one.
    await opened.close();
    clock = new ManualClock(clock.now() + 27 * 3_600_000);
    const later = await open();
    expect(await later.callStore.list(signal)).toHaveLength(1);
    await clock.advance(3_600_000);
    expect(await later.callStore.list(signal)).toEqual([]);
  });

  it('forgets dead jobs a month after they died', async () => {
    const dead = async ({ jobs }: Embedded) => (await jobs.deadJobs(10, undefined, signal)).map(({ kind }) => kind);
    const die = async (opened: Embedded, kind: string) => {
      const stop = new AbortController();
      const fail = async () => Promise.reject(new Fault('invalid', 'crm.refused', 'expected somebody it knows'));
      await opened.jobs.enqueue([{ kind, payload: {} }], signal);
      const working = opened.jobs.work({ handlers: { [kind]: fail } }, stop.signal);
      await vi.waitFor(async () => expect(await dead(opened)).toContain(kind));
      stop.abort();
      await working;
    };
    const opened = await open();
    await die(opened, 'old');
    await opened.close();
    clock = new ManualClock(clock.now() + 30 * 86_400_000);
    const later = await open();
    await die(later, 'fresh');
    await clock.advance(3_600_000);
    await vi.waitFor(async () => expect(await dead(later)).toEqual(['fresh']));
  });

  it('refuses records of a newer version and lets go of the folder', async () => {
    await (await open()).close();
    const newer = new DatabaseSync(join(dir, 'records.db'));
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    await expect(openEmbedded(dir, clock, silentLog, signal)).rejects.toMatchObject({ reason: 'store.too_new' });
    rmSync(join(dir, 'records.db'));
    await open();
  });

  it('ends an opening that is aborted with its reason', async () => {
    const aborting = new AbortController();
    const opening = openEmbedded(dir, clock, silentLog, aborting.signal);
    aborting.abort(new Error('enough'));
    await expect(opening).rejects.toThrow('enough');
    await open();
  });

  it('lets its process end by itself, closed or not', async () => {
    const script = join(dir, '..', 'script.ts');
    const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
    writeFileSync(
      script,
      `import { openEmbedded } from ${module('./embedded.ts')};
       import { systemClock } from ${module('../../std/clock.ts')};
       import { silentLog } from ${module('../../std/log.ts')};
       const signal = new AbortController().signal;
       const stores = await openEmbedded(process.argv[2], systemClock, silentLog, signal);
       console.log('listed', (await stores.records.listCalls(1, undefined, signal)).length);
       if (process.argv[3] === 'close') await stores.close();
       console.log('done');`,
    );
    for (const how of ['close', 'leave']) {
      const run = await promisify(execFile)(process.execPath, [script, dir, how], { timeout: 20_000 });
      expect(run.stdout).toBe('listed 0\ndone\n');
    }
  });
});

import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newCallId, sampleEvent } from '../../test/contracts/samples.ts';
import { memoryRecords } from '../adapters/memory/records.ts';
import type { CallId } from '../call/call.ts';
import type { NewJob } from '../ports/jobs.ts';
import type { FollowUp, Records, WebhookRecord } from '../ports/records.ts';
import { createDependency } from '../resilience/dependency.ts';
import { Fault } from '../std/fault.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { type Away, awayAtWill } from './away.fixture.ts';
import { type SpooledWebhooks, type SpoolOptions, spoolWebhooks } from './webhook-spool.ts';

const signal = new AbortController().signal;
const SECRET = 'My number is 555 0100';
const DEADLINE_MS = 1_000;

let clock: ManualClock;
let folder: string;
let records: Records;
let away: Away<Records>;
let accepted: WebhookRecord[];
let jobs: NewJob[];
let spool: SpooledWebhooks;
let callId: CallId;
const opened: SpooledWebhooks[] = [];

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'offhook-spool-')), 'webhooks');
  accepted = [];
  jobs = [];
  records = memoryRecords((added) => void jobs.push(...added));
  const inOrder: Records = {
    ...records,
    async acceptWebhook(webhook, ...rest) {
      const verdict = await records.acceptWebhook(webhook, ...rest);
      if (verdict === 'stored') accepted.push(webhook);
      return verdict;
    },
  };
  away = awayAtWill(inOrder, new ManualClock());
  callId = newCallId();
  spool = await open();
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await rm(join(folder, '..'), { recursive: true });
});

/** The next start after a kill: time stands still for the one before it, of which nothing is closed or flushed. */
async function open(options: Partial<SpoolOptions> = {}): Promise<SpooledWebhooks> {
  clock = new ManualClock();
  const dependency = createDependency(
    { name: 'postgres', deadlineMs: DEADLINE_MS, lateReason: 'postgres.timeout', restMs: 500, limit: 16 },
    clock,
  );
  const one = await spoolWebhooks({ records: away.port, dependency, folder, clock, log: silentLog, ...options });
  opened.push(one);
  return one;
}

function webhook(key: string, change: Partial<WebhookRecord> = {}): WebhookRecord {
  const body = JSON.stringify({ event: 'call_started', said: SECRET });
  return { key, event: 'call_started', callId, signedAt: 1, receivedAt: 2, body, ...change };
}

const followUp: FollowUp = { facts: [], jobs: [] };
const accept = (key: string, change: Partial<WebhookRecord> = {}, over = spool) =>
  over.acceptWebhook(webhook(key, change), followUp, signal);
const keys = () => accepted.map(({ key }) => key);
const files = async () => (await readdir(folder)).sort();

/** Disks take real time, of which the test's clock knows nothing. */
const isDrained = (over = spool) =>
  vi.waitFor(async () => {
    await clock.advance(1_000);
    expect(over.spooled).toBe(0);
  });

describe('while the records are there', () => {
  it('hands webhooks on, and nothing comes to the disk', async () => {
    expect(await accept('one')).toBe('stored');
    expect(await accept('one')).toBe('duplicate');
    expect(keys()).toEqual(['one']);
    expect(await files()).toEqual([]);
  });

  it('throws what they say of the webhook itself', async () => {
    const wrong = new Fault('bug', 'store.failed', 'expected SQLite to accept the statement');
    spool = await open({ records: { ...records, acceptWebhook: () => Promise.reject(wrong) } });
    await expect(accept('one')).rejects.toBe(wrong);
    expect(await files()).toEqual([]);
  });
});

describe('while the records are away', () => {
  it('answers once the webhook is on disk, and moves it on when they are back', async () => {
    const jobOf: NewJob = { kind: 'call-analyzed', payload: { callId } };
    const reported = sampleEvent(callId, 0, { type: 'call.reported', disconnectionReason: 'user_hangup' }, 0);
    const sent = webhook('one', { event: 'call_ended' });
    away.mode = 'gone';
    expect(await spool.acceptWebhook(sent, { facts: [reported], jobs: [jobOf] }, signal)).toBe('stored');
    expect(spool.spooled).toBe(1);
    const [name = ''] = await files();
    expect(JSON.parse(await readFile(join(folder, name), 'utf8'))).toMatchObject({ webhook: { key: 'one' } });
    away.mode = 'there';
    await isDrained();
    expect(accepted).toEqual([sent]);
    expect(jobs).toEqual([jobOf]);
    expect((await records.pendingFacts(9, signal)).map(({ event }) => event)).toEqual([reported]);
    expect(await files()).toEqual([]);
  });

  it('gives them no longer than their deadline', async () => {
    away.mode = 'silent';
    const accepting = accept('one');
    await clock.advance(DEADLINE_MS);
    expect(await accepting).toBe('stored');
    expect(spool.spooled).toBe(1);
  });

  it('stores a webhook once whose answer was lost', async () => {
    away.mode = 'deaf';
    const accepting = accept('one');
    await clock.advance(DEADLINE_MS);
    expect(await accepting).toBe('stored');
    away.mode = 'there';
    await isDrained();
    expect(keys()).toEqual(['one']);
  });

  it('keeps their order, those that come while it drains included', async () => {
    away.mode = 'gone';
    const names = Array.from({ length: 12 }, (_, i) => `webhook-${i}`);
    for (const key of names.slice(0, 6)) await accept(key);
    away.mode = 'there';
    for (const key of names.slice(6, 9)) await accept(key);
    void clock.advance(1_000);
    for (const key of names.slice(9)) await accept(key);
    await isDrained();
    expect(keys()).toEqual(names);
  });

  it('knows the calls that it was told of, and which of them ended', async () => {
    away.mode = 'gone';
    await accept('one');
    const other = newCallId();
    await accept('two', { callId: other, event: 'call_ended' });
    await accept('three', { callId: undefined });
    expect(await spool.isNamed(callId, signal)).toBe(true);
    expect(await spool.isNamed(other, signal)).toBe(true);
    expect(await spool.isEnded(other, signal)).toBe(true);
    await expect(spool.isEnded(callId, signal)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(spool.isNamed(newCallId(), signal)).rejects.toMatchObject({ kind: 'unavailable' });
    away.mode = 'there';
    await isDrained();
    expect(await spool.isEnded(other, signal)).toBe(true);
    expect(await spool.isEnded(callId, signal)).toBe(false);
  });
});

describe('a process that was killed', () => {
  it('leaves its webhooks to the next one, in their order', async () => {
    away.mode = 'gone';
    for (const key of ['one', 'two', 'three']) await accept(key);
    const next = await open();
    expect(next.spooled).toBe(3);
    await accept('four', {}, next);
    away.mode = 'there';
    await isDrained(next);
    expect(keys()).toEqual(['one', 'two', 'three', 'four']);
    expect(await files()).toEqual([]);
  });

  it('leaves what is known of their calls', async () => {
    away.mode = 'gone';
    await accept('one', { event: 'call_ended' });
    const next = await open();
    expect(await next.isNamed(callId, signal)).toBe(true);
    expect(await next.isEnded(callId, signal)).toBe(true);
  });

  it('leaves nothing of a webhook that it had not answered for', async () => {
    await writeFile(join(folder, '000000000007.00000000.json.part'), '{"webhook":');
    const next = await open();
    expect(next.spooled).toBe(0);
    expect(await files()).toEqual([]);
  });

  it('does not lose a webhook to another one over the same folder', async () => {
    const other = await open();
    away.mode = 'gone';
    await accept('one');
    await accept('two', {}, other);
    expect(await files()).toHaveLength(2);
  });
});

describe('a webhook that is refused for good', () => {
  const lines: object[] = [];
  const log = { ...silentLog, error: (fields: object) => void lines.push(fields) };
  beforeEach(() => {
    lines.length = 0;
  });

  it('is set aside, and does not hold up those behind it', async () => {
    const refusing: Records = {
      ...away.port,
      async acceptWebhook(one, ...rest) {
        if (one.key === 'bad') throw new Fault('bug', 'store.failed', 'expected SQLite to accept the statement');
        return away.port.acceptWebhook(one, ...rest);
      },
    };
    away.mode = 'gone';
    await accept('first');
    for (let i = 0; i < 8; i++) await accept('bad');
    await accept('last');
    const next = await open({ records: refusing, log });
    away.mode = 'there';
    await isDrained(next);
    expect(keys()).toEqual(['first', 'last']);
    expect((await files()).every((name) => name.endsWith('.refused'))).toBe(true);
    expect(await files()).toHaveLength(8);
    expect(lines).toContainEqual({ name: expect.stringContaining(callId), reason: 'store.failed' });
  });

  it('is one that is damaged on disk, too; nothing of it comes to the log', async () => {
    await writeFile(join(folder, '000000000001.00000000.json'), `{"webhook": "${SECRET}`);
    const next = await open({ log });
    await isDrained(next);
    expect(await files()).toEqual(['000000000001.00000000.json.refused']);
    expect(lines).toEqual([{ name: '000000000001.00000000.json', reason: 'spool.refused' }]);
  });

  it('is none of which another try may tell otherwise', async () => {
    let isBusy = true;
    const busy: Records = {
      ...records,
      async acceptWebhook(one, ...rest) {
        if (isBusy) throw new Fault('conflict', 'store.busy', 'expected nobody else to write it');
        return away.port.acceptWebhook(one, ...rest);
      },
    };
    away.mode = 'gone';
    await accept('one');
    const next = await open({ records: busy });
    await clock.advance(5_000);
    expect(next.spooled).toBe(1);
    isBusy = false;
    away.mode = 'there';
    await isDrained(next);
    expect(keys()).toEqual(['one']);
  });
});

describe('its disk', () => {
  it('is for this user alone', async () => {
    await rm(folder, { recursive: true });
    await mkdir(folder, { mode: 0o755 });
    await chmod(folder, 0o755);
    spool = await open();
    away.mode = 'gone';
    await accept('one');
    const [name = ''] = await files();
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  it('holds no more than its limit', async () => {
    spool = await open({ limit: 2 });
    away.mode = 'gone';
    await accept('one');
    const both = await Promise.allSettled([accept('two'), accept('three')]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    await expect(accept('four')).rejects.toMatchObject({ kind: 'unavailable', reason: 'spool.full' });
    away.mode = 'there';
    await isDrained();
    expect(await accept('five')).toBe('stored');
  });

  it('says so when it cannot be used, before anything is answered', async () => {
    const file = join(folder, '..', 'file');
    await writeFile(file, '');
    await expect(open({ folder: file })).rejects.toMatchObject({ kind: 'unavailable', reason: 'spool.unusable' });
  });

  it('says so when it does not take a webhook, and nothing of what was in it', async () => {
    await rm(folder, { recursive: true });
    away.mode = 'gone';
    const thrown: unknown = await accept('one').catch((failure: unknown) => failure);
    expect(thrown).toMatchObject({ kind: 'unavailable', reason: 'spool.not_written' });
    expect(`${thrown} ${(thrown as Fault).cause} ${JSON.stringify(thrown)}`).not.toContain('555');
    expect(spool.spooled).toBe(0);
    await mkdir(folder);
    expect(await accept('one')).toBe('stored');
  });

  it('keeps what cannot be read just now for later', async () => {
    await mkdir(join(folder, '000000000001.00000000.json'));
    const next = await open();
    await clock.advance(3_000);
    expect(next.spooled).toBe(1);
  });

  it('may have had a file taken away by hand', async () => {
    away.mode = 'gone';
    await accept('one');
    await accept('two');
    const [name = ''] = await files();
    await rm(join(folder, name));
    away.mode = 'there';
    await isDrained();
    expect(keys()).toEqual(['two']);
  });
});

it('leaves what waits to the next start when it is closed', async () => {
  away.mode = 'gone';
  await accept('one');
  away.mode = 'silent';
  await clock.advance(1_000);
  await spool.close();
  away.mode = 'there';
  await clock.advance(5_000);
  expect(keys()).toEqual([]);
  const next = await open();
  await isDrained(next);
  expect(keys()).toEqual(['one']);
});

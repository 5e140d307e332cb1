import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openPostgres, type PostgresStores } from '../../src/adapters/postgres/postgres.ts';
import { Fault } from '../../src/std/fault.ts';
import { silentLog } from '../../src/std/log.ts';
import { ManualClock } from '../../src/std/manual-clock.ts';
import { newCallId, sampleEvent } from '../contracts/samples.ts';
import { signal } from '../contracts/subject.ts';
import { dropDatabase, emptyDatabase, newDatabase, statement } from './postgres-subject.ts';

const SOON = { timeout: 10_000, interval: 20 };

describe('the stores in Postgres', () => {
  let url: string;
  let opened: PostgresStores[];
  beforeEach(async () => {
    url = await newDatabase();
    opened = [];
  });
  afterEach(async () => {
    for (const stores of opened) await stores.close();
    await dropDatabase(url);
  });

  const open = async (at = url, clock = new ManualClock()) => {
    const stores = await openPostgres(at, clock, silentLog, signal);
    opened.push(stores);
    return stores;
  };

  it('bring a new database forward once, however many processes open it', async () => {
    const fresh = await emptyDatabase();
    const all = await Promise.all(Array.from({ length: 8 }, () => open(fresh)));
    await Promise.all(all.map(({ records }) => records.saveFact(sampleEvent(newCallId(), 1), signal)));
    expect(await statement(fresh, 'SELECT * FROM offhook.schema_version')).toEqual([{ version: 1 }]);
    for (const stores of all) await stores.close();
    await dropDatabase(fresh);
  });

  it('refuse a database that a newer offhook wrote', async () => {
    await statement(url, 'UPDATE offhook.schema_version SET version = 99');
    await expect(open()).rejects.toMatchObject({
      kind: 'invalid',
      reason: 'store.too_new',
      detail: { found: 99 },
    });
  });

  it('say which database does not let them in, without saying where it is', async () => {
    const wrong = new URL(url);
    wrong.pathname = '/nobody_made_this';
    const stores = await open(wrong.href);
    const fault = await stores.ping(signal).catch((thrown: unknown) => thrown);
    expect(fault).toBeInstanceOf(Fault);
    expect(fault).toMatchObject({ kind: 'unavailable', reason: 'postgres.refused', detail: { code: '3D000' } });
    expect(String(fault)).not.toContain('nobody_made_this');
  });

  it('keep what tools say as it was said, under keys of any length', async () => {
    const { toolLedger } = await open();
    const callId = newCallId();
    const key = `book {"note":"${'long '.repeat(4_000)}"}`;
    const content = 'a NUL \u0000, half a pair \ud800, and an emoji 🙂';
    await toolLedger.claim(callId, key, signal);
    await toolLedger.settle(callId, key, content, signal);
    expect(await toolLedger.claim(callId, key, signal)).toEqual({ kind: 'done', content });
    expect(await toolLedger.claim(callId, `${key} `, signal)).toMatchObject({ kind: 'claimed' });
  });

  describe('when a taker of orders has to wait for its turn', () => {
    const order = { fromNumber: '+1', toNumber: '+2' };
    /** A statement waits for 5 s at most. */
    const WHILE_IT_WAITS = { timeout: 4_000, interval: 20 };
    /** Settles once the work, which waits for the turn that another holds, has come after `meanwhile`. */
    const held = async <T>(work: () => Promise<T>, meanwhile: (other: Client) => Promise<void>): Promise<T> => {
      const other = new Client({ connectionString: url });
      await other.connect();
      try {
        await other.query("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('offhook dials', 0))");
        const done = work();
        const queue =
          'SELECT count(*)::integer AS waiting FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())';
        await vi.waitFor(async () => expect(await statement(url, queue)).toEqual([{ waiting: 1 }]), WHILE_IT_WAITS);
        await meanwhile(other);
        await other.query('COMMIT');
        return await done;
      } finally {
        await other.end();
      }
    };

    it('counts the spacing from when it took one, not from when it began to wait', async () => {
      const { dials } = await open();
      await dials.open({ id: 'dial', order, requestId: undefined }, 10, signal);
      let cameAt = Number.POSITIVE_INFINITY;
      const taking = await held(
        () => dials.take({ spacingMs: 0, room: undefined }, signal),
        async (other) => {
          const now = 'SELECT extract(epoch FROM clock_timestamp())::double precision * 1000 AS now';
          cameAt = (await other.query(now)).rows[0].now;
        },
      );
      expect(taking.kind === 'taken' && taking.dial.changedAt).toBeGreaterThanOrEqual(cameAt);
    });

    it('has no room for more than Retell had, less what was placed while it waited', async () => {
      const { dials } = await open();
      for (const id of ['dial_1', 'dial_2']) await dials.open({ id, order, requestId: undefined }, 10, signal);
      const first = await dials.take({ spacingMs: 0, room: undefined }, signal);
      if (first.kind !== 'taken') throw new Error('expected the first order');
      await dials.begin(first.dial, signal);
      const taking = await held(
        () => dials.take({ spacingMs: 0, room: { places: 1, askedAgoMs: 0 } }, signal),
        () => dials.settle(first.dial, { state: 'placed', callId: newCallId() }, [], signal),
      );
      expect(taking).toEqual({ kind: 'nobody' });
    });
  });

  it('forget every hour what is long over', async () => {
    const clock = new ManualClock();
    const { toolLedger, dials, jobs } = await open(url, clock);
    const [old, fresh] = [newCallId(), newCallId()];
    for (const callId of [old, fresh]) await toolLedger.claim(callId, 'book', signal);
    const order = { fromNumber: '+1', toNumber: '+2' };
    for (const id of ['dial_over', 'dial_waits']) await dials.open({ id, order, requestId: undefined }, 10, signal);
    await dials.cancel('dial_over', signal);
    const month = 31 * 86_400_000;
    await statement(
      url,
      `UPDATE offhook.tool_uses SET claimed_at = claimed_at - ${month} WHERE call_id = '${old}';
       UPDATE offhook.dials SET changed_at = changed_at - ${month};
       INSERT INTO offhook.dead_jobs (id, kind, payload, attempt, max_attempts, reason, failed_at) VALUES
         (1, 'old', '{}', 1, 1, 'crm.down', offhook.now_ms() - ${month}), (2, 'fresh', '{}', 1, 1, 'crm.down', DEFAULT)`,
    );
    await clock.advance(3_600_000);
    await vi.waitFor(async () => expect(await dials.find('dial_over', signal)).toBeUndefined(), SOON);
    expect(await dials.find('dial_waits', signal)).toMatchObject({ state: 'queued' });
    expect(await toolLedger.claim(old, 'book', signal)).toMatchObject({ kind: 'claimed' });
    expect(await toolLedger.claim(fresh, 'book', signal)).toMatchObject({ kind: 'unsettled' });
    const dead = async () => (await jobs.deadJobs(10, undefined, signal)).map(({ kind }) => kind);
    await vi.waitFor(async () => expect(await dead()).toEqual(['fresh']), SOON);
  });

  it('have one job of a schedule waiting, however often its time comes before it is done', async () => {
    const { jobs } = await open();
    const stop = new AbortController();
    let sweeps = 0;
    const sweep = async () => {
      sweeps++;
    };
    const done: string[] = [];
    const note = async () => {
      done.push('note');
    };
    const schedules = [
      { kind: 'sweep', everyMinutes: 5 },
      { kind: 'report', everyMinutes: 60 },
    ];
    const scheduling = jobs.work({ handlers: {}, schedules }, stop.signal);
    // What graphile-worker does by itself when the minute comes; it goes by the real clock.
    const come = () => statement(url, "SELECT offhook_jobs.add_job('schedule sweep')");
    const left = () => statement(url, "SELECT 1 FROM offhook_jobs.jobs WHERE task_identifier LIKE 'schedule %'");
    for (let times = 0; times < 3; times++) await come();
    await vi.waitFor(async () => expect(await left()).toEqual([]), SOON);
    await jobs.enqueue([{ kind: 'note', payload: {} }], signal);
    const working = jobs.work({ handlers: { sweep, note }, concurrency: 1 }, stop.signal);
    await vi.waitFor(() => expect(done).toEqual(['note']), SOON);
    expect(sweeps).toBe(1);
    const known = await statement(url, 'SELECT identifier FROM offhook_jobs._private_known_crontabs ORDER BY 1');
    expect(known).toEqual([{ identifier: 'offhook report' }, { identifier: 'offhook sweep' }]);
    stop.abort();
    await Promise.all([scheduling, working]);
  });

  it('begin no job before what it is about can be read', async () => {
    const { jobs } = await open();
    const stop = new AbortController();
    const done: unknown[] = [];
    const note = async ({ payload }: { readonly payload: Readonly<Record<string, unknown>> }) => {
      done.push(payload.n);
    };
    // A transaction that adds a job whose like waits already, and takes its time.
    await statement(url, `SELECT offhook.add_job('note', '{"n":1}', 'all', 0, 10)`);
    const slow = statement(
      url,
      `BEGIN; SELECT offhook.add_job('note', '{"n":2}', 'all', 0, 10); SELECT pg_sleep(0.5); COMMIT`,
    );
    await vi.waitFor(
      async () =>
        expect(await statement(url, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).toHaveLength(1),
      SOON,
    );
    const ended = jobs.work({ handlers: { note } }, stop.signal);
    await jobs.enqueue([{ kind: 'note', payload: { n: 3 } }], signal);
    await vi.waitFor(() => expect(done).toEqual([3]), SOON);
    await slow;
    await vi.waitFor(() => expect(done).toEqual([3, 1]), SOON);
    stop.abort();
    await ended;
  });
});

import { sql } from 'kysely';
import { CALL_TTL_MS } from '../../call/live-call.ts';
import { type Dials, KEEP_DIALS_MS } from '../../ports/dials.ts';
import type { Jobs } from '../../ports/jobs.ts';
import type { Records } from '../../ports/records.ts';
import type { ToolLedger } from '../../ports/tool-ledger.ts';
import type { Clock } from '../../std/clock.ts';
import { toFault } from '../../std/fault.ts';
import type { Log } from '../../std/log.ts';
import { databaseOver, openPool } from './database.ts';
import { postgresDials } from './dials.ts';
import { postgresJobWorker, prepareJobs } from './job-worker.ts';
import { postgresJobs } from './jobs.ts';
import { migrate } from './migrations.ts';
import { postgresRecords } from './records.ts';
import { postgresToolLedger } from './tool-ledger.ts';

const DAY_MS = 86_400_000;
const PRUNE_EVERY_MS = 3_600_000;
/** A day more than a call may live. */
const KEEP_TOOL_USES_MS = CALL_TTL_MS + DAY_MS;
/** Statements at once of one process; a fleet's sum has to stay below Postgres' `max_connections`. */
const CONNECTIONS = 10;
/** One listens; the others take and settle jobs, a few milliseconds each. */
const JOB_CONNECTIONS = 4;

export interface PostgresStores {
  readonly records: Records;
  readonly toolLedger: ToolLedger;
  readonly jobs: Jobs;
  readonly dials: Dials;
  /** @throws Fault `postgres.*` when Postgres does not answer, `store.too_new` when a newer offhook was there */
  ping(signal: AbortSignal): Promise<void>;
  /** Waits for what was asked, closes the connections; whoever works on jobs is to be stopped before. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens what a fleet keeps. Never fails for a Postgres that is away: what is asked meanwhile fails at once, and the
 * database is brought forward before its first use.
 *
 * @param url `postgres://`; PostgreSQL 15 or later; its user may create schemas, or both are there and its own
 * @param signal ends the opening; once open, `close` ends it
 * @throws Fault `store.too_new` when a newer offhook wrote the database
 */
export async function openPostgres(url: string, clock: Clock, log: Log, signal: AbortSignal): Promise<PostgresStores> {
  signal.throwIfAborted();
  const pool = openPool(url, 'offhook', CONNECTIONS, log);
  const jobsPool = openPool(url, 'offhook jobs', JOB_CONNECTIONS, log);
  const database = databaseOver(pool, () => migrate(pool, () => prepareJobs(jobsPool, log)));
  const worker = postgresJobWorker({ database, pool: jobsPool, clock, log });
  const toolLedger = postgresToolLedger(database);
  const dials = postgresDials(database);

  const closing = new AbortController();
  const prune = async () => {
    try {
      await toolLedger.prune(KEEP_TOOL_USES_MS, closing.signal);
      await dials.prune(KEEP_DIALS_MS, closing.signal);
    } catch (thrown) {
      if (!closing.signal.aborted) log.warn({ reason: toFault(thrown).reason }, 'old rows stay until the next hour');
    }
  };
  const stopPruning = clock.every(PRUNE_EVERY_MS, () => void prune());

  let closed: Promise<void> | undefined;
  const close = () => {
    stopPruning();
    closing.abort();
    closed ??= (async () => {
      const isAbandoned = worker.abandon();
      const jobsClosed = jobsPool.end();
      await pool.end();
      // What an abandoned handler holds nobody knows; it ends with the process.
      if (!isAbandoned) await jobsClosed;
    })();
    return closed;
  };
  const ping = async (within: AbortSignal) => {
    await database.run((db) => sql`SELECT 1`.execute(db), within);
  };

  try {
    await ping(signal);
  } catch (thrown) {
    const { reason, kind } = toFault(thrown);
    if (signal.aborted || kind === 'invalid') {
      await close();
      throw thrown;
    }
    log.warn({ reason }, 'Postgres cannot be used yet; it is as soon as it can');
  }
  return {
    records: postgresRecords(database),
    toolLedger,
    jobs: { ...postgresJobs(database), work: worker.work },
    dials,
    ping,
    close,
  };
}

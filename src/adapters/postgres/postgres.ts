import { sql } from 'kysely';
import { CALL_TTL_MS } from '../../call/live-call.ts';
import { type Dials, KEEP_DIALS_MS } from '../../ports/dials.ts';
import { type Jobs, KEEP_DEAD_JOBS_MS } from '../../ports/jobs.ts';
import type { Records } from '../../ports/records.ts';
import type { ToolLedger } from '../../ports/tool-ledger.ts';
import type { Clock } from '../../std/clock.ts';
import { toFault } from '../../std/fault.ts';
import { lazily } from '../../std/lazily.ts';
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
/**
 * Statements at once that a caller, a tool or a webhook waits for; the sum of all pools over a fleet has to stay below
 * Postgres' `max_connections`.
 */
const CONNECTIONS = 10;
/** What nobody on the line waits for has connections of its own: however much of it there is, it takes none of theirs. */
const BACKGROUND_CONNECTIONS = 4;
/** One listens for each work that is done; the others take and settle jobs, and say that we live: milliseconds each. */
const JOB_CONNECTIONS = 5;

export interface PostgresStores {
  readonly records: Records;
  readonly toolLedger: ToolLedger;
  readonly jobs: Jobs;
  readonly dials: Dials;
  /**
   * How many at once can be asked of what nobody on the line waits for: all of the archive, jobs but for doing them,
   * forgotten tool uses, abandoned dials. More wait a second, then are refused (`postgres.crowded`).
   */
  readonly backgroundPlaces: number;
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
  const backgroundPool = openPool(url, 'offhook background', BACKGROUND_CONNECTIONS, log);
  const jobsPool = openPool(url, 'offhook jobs', JOB_CONNECTIONS, log);
  const prepared = lazily(() => migrate(pool, () => prepareJobs(jobsPool, log)));
  const database = databaseOver(pool, prepared);
  const background = databaseOver(backgroundPool, prepared);
  const worker = postgresJobWorker({ database: databaseOver(jobsPool, prepared), pool: jobsPool, clock, log });
  const toolLedger = postgresToolLedger(database, background);
  const dials = postgresDials(database, background);
  const jobs = postgresJobs(background);

  const closing = new AbortController();
  const prune = async () => {
    try {
      await toolLedger.prune(KEEP_TOOL_USES_MS, closing.signal);
      await dials.prune(KEEP_DIALS_MS, closing.signal);
      await jobs.prune(KEEP_DEAD_JOBS_MS, closing.signal);
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
      await Promise.all([pool.end(), backgroundPool.end()]);
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
    records: postgresRecords(database, background),
    toolLedger,
    jobs: { ...jobs, work: worker.work },
    dials,
    backgroundPlaces: BACKGROUND_CONNECTIONS,
    ping,
    close,
  };
}

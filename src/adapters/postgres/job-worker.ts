import { EventEmitter } from 'node:events';
import {
  type CronItem,
  Logger,
  parseCronItems,
  type Runner,
  run,
  runMigrations,
  type Task,
  type TaskList,
} from 'graphile-worker';
import type { Pool } from 'pg';
import type { JobHandler, JobSchedule, JobWork } from '../../ports/jobs.ts';
import { type Clock, sleep } from '../../std/clock.ts';
import { toFault } from '../../std/fault.ts';
import { isRecord } from '../../std/json.ts';
import type { Log } from '../../std/log.ts';
import { noteOutcome, tryOnce } from '../../std/try-once.ts';
import { DEFAULT_CONCURRENCY } from '../../std/work-loop.ts';
import type { PostgresDatabase } from './database.ts';
import { beat, freeHandedBack, settleRow, takeBack } from './job-rows.ts';
import { addJobs } from './jobs.ts';
import { postgresFault } from './postgres-fault.ts';
import { JOBS_SCHEMA } from './schema.ts';

/** How soon a job is found that became due, or that a notification was lost of. */
const LOOK_EVERY_MS = 1_000;
/** Three of them are missed before others take this worker for dead. */
const BEAT_EVERY_MS = 10_000;
const AFTER_FAILURE_MS = 1_000;
/** How long a stop waits, once nothing is in hand, for connections that may be lost. */
const STOP_MS = 2_000;

interface Workplace {
  readonly database: PostgresDatabase;
  /** Connections of graphile-worker's own: one of them listens all the time. */
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
}

export interface JobWorker {
  work(work: JobWork, signal: AbortSignal): Promise<void>;
  /** Whether somebody is still at work: what they have in hand runs again elsewhere. */
  abandon(): boolean;
}

/** Brings graphile-worker's tables forward. */
export async function prepareJobs(pool: Pool, log: Log): Promise<void> {
  await runMigrations({ pgPool: pool, schema: JOBS_SCHEMA, logger: quiet(log) });
}

/** Who does the jobs of Postgres, by graphile-worker; starts again whenever that gives up. */
export function postgresJobWorker(place: Workplace): JobWorker {
  const runners = new Set<Runner>();
  return {
    async work(work, signal) {
      while (!signal.aborted) {
        try {
          // Brings the database forward before graphile-worker looks at it.
          await place.database.run(async () => {}, signal);
          await workOnce(place, work, runners, signal);
        } catch (thrown) {
          if (signal.aborted) break;
          place.log.warn({ reason: postgresFault(thrown).reason }, 'no jobs can be done; tried again');
        }
        // Only an abort rejects, and ends the loop.
        await sleep(place.clock, AFTER_FAILURE_MS, signal).catch(() => {});
      }
    },
    abandon() {
      for (const runner of runners) runner.stop().catch(() => {}); // it was to be left as it is
      return runners.size > 0;
    },
  };
}

/** Works until the signal aborts, or until graphile-worker gives up. */
async function workOnce(place: Workplace, work: JobWork, runners: Set<Runner>, signal: AbortSignal): Promise<void> {
  const { pool, clock, log } = place;
  const { handlers, schedules = [], concurrency = DEFAULT_CONCURRENCY } = work;
  const inHand = new Set<Promise<void>>();
  const doing = (task: Task): Task => {
    return async (payload, helpers) => {
      const done = Promise.resolve(task(payload, helpers)).then(() => {});
      inHand.add(done);
      await done.finally(() => inHand.delete(done));
    };
  };
  const tasks: TaskList = {};
  for (const [kind, handle] of Object.entries(handlers)) tasks[kind] = doing(taskOf(place, kind, handle, signal));
  for (const { kind } of schedules) tasks[scheduler(kind)] = doing(schedulerOf(place, kind));

  const events = new EventEmitter();
  let worker = '';
  let stopBeating = () => {};
  events.on('pool:create', ({ workerPool }: { readonly workerPool: { readonly id: string } }) => {
    worker = workerPool.id;
    stopBeating = keepBeating(place, worker);
  });
  let runner: Runner | undefined;
  let stopped: Promise<unknown> | undefined;
  const stop = () => {
    stopped ??= runner?.stop().catch(() => {}); // it had stopped by itself
  };
  try {
    runner = await run({
      pgPool: pool,
      schema: JOBS_SCHEMA,
      taskList: tasks,
      parsedCronItems: parseCronItems(schedules.map(cronItemOf)),
      concurrency,
      pollInterval: LOOK_EVERY_MS,
      noHandleSignals: true,
      logger: quiet(log),
      events,
      // In batches, be they of one: else a row that cannot be written back is a rejection that nobody handles.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    });
    runners.add(runner);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    const ended = runner.promise.catch(() => {}); // why, its own log says
    await Promise.race([ended, new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))]);
    stop();
    await Promise.allSettled(inHand);
    const always = new AbortController().signal;
    await Promise.race([Promise.all([stopped, ended]), sleep(clock, STOP_MS, always)]);
    await freeHandedBack(place.database, worker, always);
  } finally {
    stopBeating();
    signal.removeEventListener('abort', stop);
    if (runner) runners.delete(runner);
  }
}

function taskOf({ database, clock, log }: Workplace, kind: string, handle: JobHandler, signal: AbortSignal): Task {
  const always = new AbortController().signal;
  return async (payload, { job }) => {
    const { id, attempts: attempt, max_attempts: maxAttempts, locked_by: holder } = job;
    const told = { id, kind, payload: isRecord(payload) ? payload : {}, attempt };
    const outcome = await tryOnce((within) => handle(told, within), attempt, maxAttempts, clock, signal);
    if (outcome.kind === 'done') return;
    await settleRow(database, { id, holder: holder ?? '' }, outcome, always);
    if (outcome.kind === 'handed_back') throw signal.reason;
    noteOutcome(log, told, outcome);
    // Only what is thrown keeps graphile-worker from deleting the row, or what became of it.
    throw outcome.fault;
  };
}

/** What is scheduled is a job that enqueues the one to be done: so there is never more than one of it waiting. */
function schedulerOf({ database }: Workplace, kind: string): Task {
  const always = new AbortController().signal;
  return () => database.transact((db) => addJobs(db, [{ kind, key: 'schedule', payload: {} }]), always);
}

function scheduler(kind: string): string {
  return `schedule ${kind}`;
}

function cronItemOf({ kind, everyMinutes }: JobSchedule): CronItem {
  const minutes = everyMinutes === 60 ? '0' : `*/${everyMinutes}`;
  return {
    task: scheduler(kind),
    match: `${minutes} * * * *`,
    identifier: `offhook ${kind}`,
    options: { backfillPeriod: 0, maxAttempts: 3 },
  };
}

/** Says every so often that this worker lives; returns how to stop. */
function keepBeating({ database, clock, log }: Workplace, worker: string): () => void {
  const stopping = new AbortController();
  let wasSeen = false;
  const once = async () => {
    try {
      await beat(database, worker, stopping.signal);
      // Not at the first one after an outage: all others are as late as this one was, and are still about to say so.
      if (wasSeen) await takeBack(database, worker, stopping.signal);
      wasSeen = true;
    } catch (thrown) {
      wasSeen = false;
      const { kind, reason } = toFault(thrown);
      if (kind !== 'cancelled' && !stopping.signal.aborted)
        log.debug({ reason }, 'a worker could not say that it lives');
    }
  };
  void once();
  const cancel = clock.every(BEAT_EVERY_MS, () => void once());
  return () => {
    cancel();
    stopping.abort();
  };
}

/** What graphile-worker says is for who looks into it: what an operator has to know, the worker says itself. */
function quiet(log: Log): Logger {
  return new Logger(() => (level, said) => log.debug({ level, said }, 'graphile-worker'));
}

import { sql } from 'kysely';
import type { TryOutcome } from '../../std/try-once.ts';
import type { PostgresDatabase } from './database.ts';

// What graphile-worker has no function for: it knows one curve of delays, no end before the tries are spent, and leaves
// what a dead process had in hand alone for four hours. These are the rows of its 0.18, which package.json holds it to.

/** A job in hand: its row is ours as long as `holder` holds it. */
export interface HeldRow {
  readonly id: string;
  readonly holder: string;
}

/** Why a job is dead whose last try a worker did not live to the end of. */
const WORKER_LOST = 'jobs.worker_lost';
/** A worker that did not say for so long that it lives is dead. */
const DEAD_AFTER_S = 30;

/** Writes down what came of a try, and lets go of the row: graphile-worker then finds it in nobody's hand. */
export async function settleRow(
  database: PostgresDatabase,
  { id, holder }: HeldRow,
  outcome: Exclude<TryOutcome, { kind: 'done' }>,
  signal: AbortSignal,
): Promise<void> {
  await database.run((db) => statementOf().execute(db), signal);

  function statementOf() {
    switch (outcome.kind) {
      case 'again':
        return sql`
          UPDATE offhook_jobs._private_jobs SET locked_by = NULL, locked_at = NULL, updated_at = now(),
            run_at = clock_timestamp() + ${outcome.delayMs} * interval '1 millisecond', last_error = ${outcome.fault.reason}
          WHERE id = ${id} AND locked_by = ${holder}`;
      case 'handed_back':
        return sql`
          UPDATE offhook_jobs._private_jobs SET locked_by = ${handedBack(holder)}, attempts = attempts - 1
          WHERE id = ${id} AND locked_by = ${holder}`;
      case 'dead':
        return sql`
          WITH gone AS (DELETE FROM offhook_jobs._private_jobs WHERE id = ${id} AND locked_by = ${holder} RETURNING *)
          INSERT INTO offhook.dead_jobs (id, kind, payload, attempt, max_attempts, reason)
          SELECT gone.id, task.identifier, gone.payload, gone.attempts, gone.max_attempts, ${outcome.fault.reason}
          FROM gone JOIN offhook_jobs._private_tasks AS task ON task.id = gone.task_id`;
      default:
        return outcome satisfies never;
    }
  }
}

/**
 * Frees what a worker handed back, once it has stopped: a look of its own that was still on its way would else take
 * that again. Where this never happens the worker counts as dead.
 */
export async function freeHandedBack(database: PostgresDatabase, worker: string, signal: AbortSignal): Promise<void> {
  await database.run(
    (db) =>
      sql`
        UPDATE offhook_jobs._private_jobs SET locked_by = NULL, locked_at = NULL, updated_at = now()
        WHERE locked_by = ${handedBack(worker)}
      `.execute(db),
    signal,
  );
}

function handedBack(worker: string): string {
  return `${worker} (handed back)`;
}

/** Says that this worker lives. */
export async function beat(database: PostgresDatabase, worker: string, signal: AbortSignal): Promise<void> {
  await database.run(
    (db) =>
      sql`
        INSERT INTO offhook.job_workers (id) VALUES (${worker}) ON CONFLICT (id) DO UPDATE SET seen_at = now()
      `.execute(db),
    signal,
  );
}

/** Takes back what workers that died had in hand; what that was the last try of is dead. */
export async function takeBack(database: PostgresDatabase, worker: string, signal: AbortSignal): Promise<void> {
  await database.run(
    (db) =>
      sql`
        WITH lost AS (
          SELECT job.id FROM offhook_jobs._private_jobs AS job
          WHERE (job.locked_at IS NULL AND job.attempts >= job.max_attempts)
            OR (
              job.locked_by <> ${worker} AND job.locked_at < now() - ${DEAD_AFTER_S} * interval '1 second'
              AND NOT EXISTS (
                SELECT FROM offhook.job_workers AS alive
                WHERE alive.id = job.locked_by AND alive.seen_at > now() - ${DEAD_AFTER_S} * interval '1 second'
              )
            )
          FOR UPDATE SKIP LOCKED
        ), forgotten AS (
          DELETE FROM offhook.job_workers WHERE seen_at < now() - interval '1 day'
        ), freed AS (
          UPDATE offhook_jobs._private_jobs AS job SET locked_by = NULL, locked_at = NULL, updated_at = now()
          FROM lost WHERE job.id = lost.id AND job.attempts < job.max_attempts
        ), gone AS (
          DELETE FROM offhook_jobs._private_jobs AS job
          USING lost WHERE job.id = lost.id AND job.attempts >= job.max_attempts RETURNING job.*
        )
        INSERT INTO offhook.dead_jobs (id, kind, payload, attempt, max_attempts, reason)
        SELECT gone.id, task.identifier, gone.payload, gone.attempts, gone.max_attempts, ${WORKER_LOST}
        FROM gone JOIN offhook_jobs._private_tasks AS task ON task.id = gone.task_id
      `.execute(db),
    signal,
  );
}

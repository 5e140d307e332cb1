import { type Kysely, type Selectable, sql } from 'kysely';
import type { DeadJob, Jobs, NewJob } from '../../ports/jobs.ts';
import { DEFAULT_MAX_ATTEMPTS } from '../../std/try-once.ts';
import type { PostgresDatabase } from './database.ts';
import { fromNow } from './rows.ts';
import type { Tables } from './schema.ts';

export interface PostgresJobs extends Omit<Jobs, 'work'> {
  /** Forgets jobs that died longer than `olderThanMs` ago. */
  prune(olderThanMs: number, signal: AbortSignal): Promise<void>;
}

/** Jobs in Postgres, without who does them. */
export function postgresJobs(database: PostgresDatabase): PostgresJobs {
  return {
    enqueue: (jobs, signal) => database.transact((db) => addJobs(db, jobs), signal),

    deadJobs: (limit, before, signal) =>
      database.run(async (db) => {
        const from = before === undefined ? undefined : numberOf(before);
        const rows = await db
          .selectFrom('dead_jobs')
          .selectAll()
          .$if(before !== undefined, (jobs) =>
            jobs.where(
              sql<boolean>`(failed_at, id) < (SELECT last.failed_at, last.id FROM offhook.dead_jobs AS last WHERE last.id = ${from})`,
            ),
          )
          .orderBy('failed_at', 'desc')
          .orderBy('id', 'desc')
          .limit(limit)
          .execute();
        return rows.map(deadOf);
      }, signal),

    deadJob: (id, signal) =>
      database.run(async (db) => {
        const row = await db.selectFrom('dead_jobs').selectAll().where('id', '=', numberOf(id)).executeTakeFirst();
        return row && deadOf(row);
      }, signal),

    requeue: (id, signal) =>
      database.transact(async (db) => {
        const { rows } = await sql`
          WITH gone AS (DELETE FROM offhook.dead_jobs WHERE id = ${numberOf(id)} RETURNING *)
          SELECT offhook.add_job(kind, payload, NULL, 0, max_attempts) FROM gone`.execute(db);
        return rows.length > 0;
      }, signal),

    prune: (olderThanMs, signal) =>
      database.run(async (db) => {
        await db.deleteFrom('dead_jobs').where('failed_at', '<', fromNow(-olderThanMs)).execute();
      }, signal),
  };
}

/** Adds jobs to the transaction that runs, each unless one of its kind and key waits already. */
export async function addJobs(db: Kysely<Tables>, jobs: readonly NewJob[]): Promise<void> {
  for (const { kind, payload, key, delayMs = 0, maxAttempts = DEFAULT_MAX_ATTEMPTS } of jobs)
    await sql`
      SELECT offhook.add_job(${kind}, ${JSON.stringify(payload)}::json, ${key ?? null}, ${delayMs}, ${maxAttempts})
    `.execute(db);
}

/** Ids come from outside: what is none is that of no job. */
function numberOf(id: string): number {
  return /^\d{1,15}$/.test(id) ? Number(id) : -1;
}

function deadOf({ id, kind, payload, attempt, reason, failed_at: failedAt }: Selectable<Tables['dead_jobs']>): DeadJob {
  return { id: String(id), kind, payload, attempt, reason, failedAt };
}

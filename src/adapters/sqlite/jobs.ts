import { type Kysely, type SelectQueryBuilder, sql } from 'kysely';
import type { DeadJob, NewJob } from '../../ports/jobs.ts';
import { DEFAULT_MAX_ATTEMPTS } from '../../std/try-once.ts';
import { positionsIn, type RecordsTables } from './records-schema.ts';
import type { JobOperations, JobOutcome } from './records-wire.ts';

/** Jobs, as the records thread runs them, each operation in a transaction. */
export function jobOperations(db: Kysely<RecordsTables>): JobOperations {
  const dead = () => db.selectFrom('jobs').selectAll().where('state', '=', 'dead');
  return {
    addJobs: (jobs, now) => addJobs(db, jobs, now),

    async takeJobs(kinds, limit, now) {
      const waiting = (jobs: SelectQueryBuilder<RecordsTables, 'jobs', object>) =>
        jobs
          .where('state', '=', 'waiting')
          .where('kind', 'in', sql<string>`(SELECT value FROM json_each(${JSON.stringify(kinds)}))`)
          .orderBy('due_at')
          .orderBy('id');
      const due = await waiting(db.selectFrom('jobs')).selectAll().where('due_at', '<=', now).limit(limit).execute();
      if (due.length > 0)
        await db
          .updateTable('jobs')
          .set(({ eb }) => ({ state: 'held', attempt: eb('attempt', '+', 1) }))
          .where('id', 'in', positionsIn(due.map(({ id }) => id)))
          .execute();
      const next = await waiting(db.selectFrom('jobs')).select('due_at').limit(1).executeTakeFirst();
      const jobs = due.map(({ id, kind, payload, attempt, max_attempts: maxAttempts }) => ({
        id: String(id),
        kind,
        payload: JSON.parse(payload),
        attempt: attempt + 1,
        maxAttempts,
      }));
      return { jobs, nextDueAt: next?.due_at };
    },

    async settleJob(id, outcome) {
      if (outcome.kind === 'done') {
        await db.deleteFrom('jobs').where('id', '=', Number(id)).execute();
        return;
      }
      await db.updateTable('jobs').set(changeOf(outcome)).where('id', '=', Number(id)).execute();
    },

    async deadJobs(limit, before) {
      const last = before === undefined ? undefined : await dead().where('id', '=', Number(before)).executeTakeFirst();
      if (before !== undefined && last === undefined) return [];
      const rows = await dead()
        .$if(last !== undefined, (jobs) =>
          jobs.where(sql<boolean>`(failed_at, id) < (${last?.failed_at ?? 0}, ${last?.id ?? 0})`),
        )
        .orderBy('failed_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute();
      return rows.map(deadOf);
    },

    async deadJob(id) {
      const row = await dead().where('id', '=', Number(id)).executeTakeFirst();
      return row && deadOf(row);
    },

    async requeueJob(id, now) {
      const { numUpdatedRows } = await db
        .updateTable('jobs')
        .set({ state: 'waiting', attempt: 0, due_at: now, reason: null, failed_at: null })
        .where('id', '=', Number(id))
        .where('state', '=', 'dead')
        .executeTakeFirstOrThrow();
      return numUpdatedRows > 0n;
    },

    async pruneDeadJobs(before) {
      const { numDeletedRows } = await db
        .deleteFrom('jobs')
        .where('state', '=', 'dead')
        .where('failed_at', '<', before)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}

/** Adds jobs to the transaction that runs, each unless one of its kind and key waits already. */
export async function addJobs(db: Kysely<RecordsTables>, jobs: readonly NewJob[], now: number): Promise<void> {
  for (const { kind, payload, key, delayMs = 0, maxAttempts = DEFAULT_MAX_ATTEMPTS } of jobs) {
    if (key !== undefined && (await isWaiting(db, kind, key))) continue;
    await db
      .insertInto('jobs')
      .values({
        kind,
        key: key ?? null,
        payload: JSON.stringify(payload),
        state: 'waiting',
        due_at: now + delayMs,
        attempt: 0,
        max_attempts: maxAttempts,
        reason: null,
        failed_at: null,
      })
      .execute();
  }
}

async function isWaiting(db: Kysely<RecordsTables>, kind: string, key: string): Promise<boolean> {
  const found = await db
    .selectFrom('jobs')
    .select('id')
    .where('state', '=', 'waiting')
    .where('kind', '=', kind)
    .where('key', '=', key)
    .limit(1)
    .execute();
  return found.length > 0;
}

function changeOf(outcome: Exclude<JobOutcome, { kind: 'done' }>) {
  switch (outcome.kind) {
    case 'again':
      return { state: 'waiting', due_at: outcome.dueAt } as const;
    case 'dead':
      return { state: 'dead', reason: outcome.reason, failed_at: outcome.failedAt } as const;
    case 'handed_back':
      return { state: 'waiting', attempt: sql<number>`attempt - 1` } as const;
    default:
      return outcome satisfies never;
  }
}

type JobRow = Omit<RecordsTables['jobs'], 'id'> & { readonly id: number };

function deadOf({ id, kind, payload, attempt, reason, failed_at: failedAt }: JobRow): DeadJob {
  return { id: String(id), kind, payload: JSON.parse(payload), attempt, reason: reason ?? '', failedAt: failedAt ?? 0 };
}

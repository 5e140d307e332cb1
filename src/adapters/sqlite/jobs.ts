import type { Kysely } from 'kysely';
import type { NewJob } from '../../ports/jobs.ts';
import type { RecordsTables } from './records-schema.ts';

/** Tries of a job that says nothing about them. */
const DEFAULT_MAX_ATTEMPTS = 10;

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

import { type Kysely, type Selectable, sql, type UpdateObject } from 'kysely';
import type { DialState, Dials, StoredDial } from '../../ports/dials.ts';
import { fingerprint } from '../../std/fingerprint.ts';
import type { PostgresDatabase } from './database.ts';
import { addJobs } from './jobs.ts';
import { callIdOf } from './rows.ts';
import type { Tables } from './schema.ts';

export interface PostgresDials extends Dials {
  /** Forgets finished orders that last changed longer than `olderThanMs` ago. */
  prune(olderThanMs: number, signal: AbortSignal): Promise<void>;
}

/** All processes count by the clock of the database. */
const NOW = sql<number>`offhook.now_ms()`;
const plus = (ms: number) => sql<number>`offhook.now_ms() + ${ms}::double precision`;

const TAKEN: UpdateObject<Tables, 'dials'> = { state: 'dialling', changed_at: NOW, call_id: null, reason: null };

/** Orders to dial in Postgres: each change is one conditional statement, so that of two processes one wins. */
export function postgresDials(database: PostgresDatabase, background: PostgresDatabase): PostgresDials {
  return {
    open: ({ id, order, requestId }, limit, signal) =>
      database.transact(async (db) => {
        // One at a time: how many wait, and whether the request is known, has to stay true until it is in.
        await sql`SELECT pg_advisory_xact_lock(hashtextextended('offhook dials', 0))`.execute(db);
        const request = requestId === undefined ? null : fingerprint('request', requestId);
        const before = await db.selectFrom('dials').selectAll().where('request', '=', request).executeTakeFirst();
        if (before !== undefined)
          return before.fingerprint === fingerprint(before.id, order)
            ? { kind: 'known', dial: storedOf(before) }
            : { kind: 'reused' };
        if ((await waiting(db)) >= limit) return { kind: 'full' };
        const row = await db
          .insertInto('dials')
          .values({ id, request, fingerprint: fingerprint(id, order), what: JSON.stringify(order), state: 'queued' })
          .returningAll()
          .executeTakeFirstOrThrow();
        return { kind: 'opened', dial: storedOf(row) };
      }, signal),

    take: (signal) =>
      database.run(async (db) => {
        const next = firstQueued(db).where('due_at', '<=', NOW).forUpdate().skipLocked();
        const row = await takeAt(db, next).executeTakeFirst();
        return row && storedOf(row);
      }, signal),

    takeIfNext: (id, signal) =>
      database.run(async (db) => {
        const row = await takeAt(db, firstQueued(db)).where('id', '=', id).executeTakeFirst();
        return row && storedOf(row);
      }, signal),

    settle: (id, outcome, jobs, signal) =>
      database.transact(async (db) => {
        const settled = await changeDialled(db, id, {
          state: outcome.state,
          changed_at: NOW,
          call_id: outcome.state === 'placed' ? outcome.callId : null,
          reason: outcome.state === 'placed' ? null : outcome.reason,
          ...(outcome.state !== 'unknown' && { what: null }),
        });
        if (settled) await addJobs(db, jobs);
      }, signal),

    postpone: (id, delayMs, signal) =>
      database.run(async (db) => {
        const queued = {
          state: 'queued',
          changed_at: NOW,
          due_at: plus(delayMs),
          call_id: null,
          reason: null,
        } as const;
        await changeDialled(db, id, queued);
      }, signal),

    cancel: (id, signal) =>
      database.run(async (db) => {
        const { numUpdatedRows } = await db
          .updateTable('dials')
          .set({ state: 'cancelled', what: null, changed_at: NOW })
          .where('id', '=', id)
          .where('state', '=', 'queued')
          .executeTakeFirstOrThrow();
        return numUpdatedRows > 0n;
      }, signal),

    find: (id, signal) =>
      database.run(async (db) => {
        const row = await db.selectFrom('dials').selectAll().where('id', '=', id).executeTakeFirst();
        return row && storedOf(row);
      }, signal),

    list: (states, limit, signal) =>
      database.run(async (db) => {
        const rows = await db
          .selectFrom('dials')
          .selectAll()
          .where(sql<boolean>`state = ANY (${states}::text[])`)
          .orderBy('place')
          .limit(limit)
          .execute();
        return rows.map(storedOf);
      }, signal),

    waiting: (signal) => database.run(waiting, signal),

    position: (id, signal) =>
      database.run(async (db) => {
        const { rows } = await sql<{ readonly place: number }>`
          SELECT count(*) AS place FROM offhook.dials AS earlier, offhook.dials AS this
          WHERE this.id = ${id} AND this.state = 'queued' AND earlier.state = 'queued' AND earlier.place <= this.place
        `.execute(db);
        return rows[0]?.place || undefined;
      }, signal),

    abandon: (olderThanMs, signal) =>
      background.run(async (db) => {
        const left = await db
          .updateTable('dials')
          .set({ state: 'unknown', reason: 'calls.abandoned', changed_at: NOW })
          .where('state', '=', 'dialling')
          .where('changed_at', '<=', plus(-olderThanMs))
          .returning('id')
          .execute();
        return left.map(({ id }) => id);
      }, signal),

    prune: (olderThanMs, signal) =>
      background.run(async (db) => {
        await db
          .deleteFrom('dials')
          .where('state', 'in', ['placed', 'failed', 'cancelled'])
          .where('changed_at', '<', plus(-olderThanMs))
          .execute();
      }, signal),
  };
}

function firstQueued(db: Kysely<Tables>) {
  return db.selectFrom('dials').select('place').where('state', '=', 'queued').orderBy('place').limit(1);
}

/** Takes the order at this place, if it still waits and is due. */
function takeAt(db: Kysely<Tables>, place: ReturnType<typeof firstQueued>) {
  return db
    .updateTable('dials')
    .set(TAKEN)
    .set(({ eb }) => ({ attempts: eb('attempts', '+', 1) }))
    .where('place', '=', place)
    .where('state', '=', 'queued')
    .where('due_at', '<=', NOW)
    .returningAll();
}

async function waiting(db: Kysely<Tables>): Promise<number> {
  const { count } = await db
    .selectFrom('dials')
    .where('state', '=', 'queued')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

/** Changes one that is dialled, or of which nobody knows whether it was; false when there is none. */
async function changeDialled(db: Kysely<Tables>, id: string, set: UpdateObject<Tables, 'dials'>): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('dials')
    .set(set)
    .where('id', '=', id)
    .where('state', 'in', ['dialling', 'unknown'])
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

type DialRow = Selectable<Tables['dials']>;

function storedOf(row: DialRow): StoredDial {
  const { id, what, attempts, opened_at: openedAt, changed_at: changedAt } = row;
  const order = what === null ? undefined : JSON.parse(what);
  return { ...stateOf(row), id, order, attempts, openedAt, changedAt };
}

function stateOf({ state, call_id: callId, reason }: DialRow): DialState {
  switch (state) {
    case 'placed':
      return { state, callId: callIdOf(callId ?? '') };
    case 'failed':
    case 'unknown':
      return { state, reason: reason ?? '' };
    case 'queued':
    case 'dialling':
    case 'cancelled':
      return { state };
    default:
      return state satisfies never;
  }
}

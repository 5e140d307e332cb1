import { type Kysely, type Selectable, sql, type UpdateObject } from 'kysely';
import type { DialInHand, DialState, Dials, StoredDial } from '../../ports/dials.ts';
import { fingerprint } from '../../std/fingerprint.ts';
import type { PostgresDatabase } from './database.ts';
import { addJobs } from './jobs.ts';
import { callIdOf, fromBegin, fromNow } from './rows.ts';
import type { Tables } from './schema.ts';

export interface PostgresDials extends Dials {
  /** Forgets finished orders that last changed longer than `olderThanMs` ago. */
  prune(olderThanMs: number, signal: AbortSignal): Promise<void>;
}

/** All processes count by the clock of the database. */
const NOW = sql<number>`offhook.now_ms()`;
/** A transaction over dials takes milliseconds. */
const STALLED_AFTER_MS = 5_000;

/** Orders to dial in Postgres: each change is one conditional statement, so that of two processes one wins. */
export function postgresDials(database: PostgresDatabase, background: PostgresDatabase): PostgresDials {
  return {
    open: ({ id, order, requestId }, limit, signal) =>
      database.transact(async (db) => {
        // How many wait, and whether the request is known, has to stay true until it is in.
        await oneAtATime(db);
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

    take: ({ spacingMs, room, only }, signal) =>
      database.transact(async (db) => {
        // The last taking, and the places that are left, have to stay true until this one is in.
        await oneAtATime(db);
        const queued = db.selectFrom('dials').select(['id', 'place', 'takes']).where('state', '=', 'queued');
        const first = queued.orderBy('place').limit(1);
        const next = await (only === undefined ? first.where('due_at', '<=', NOW) : first).executeTakeFirst();
        if (!next || (only !== undefined && next.id !== only)) return { kind: 'nobody' };
        if (room && (await placesTaken(db, room.askedAgoMs)) >= room.places) return { kind: 'nobody' };
        const waitMs = spacingMs - (await sinceLastTaken(db));
        if (waitMs > 0) return { kind: 'early', waitMs };
        const row = await db
          .updateTable('dials')
          .set({ state: 'taken', takes: next.takes + 1, taken_at: NOW, changed_at: NOW })
          .where('place', '=', next.place)
          .where('state', '=', 'queued')
          .where('due_at', '<=', NOW)
          .returningAll()
          .executeTakeFirst();
        // Not due, or cancelled meanwhile.
        return row ? { kind: 'taken', dial: storedOf(row) } : { kind: 'nobody' };
      }, signal),

    begin: (dial, signal) =>
      database.run((db) => {
        const begun = { state: 'dialling', changed_at: NOW, attempts: sql<number>`attempts + 1` } as const;
        return change(db, dial, ['taken'], begun);
      }, signal),

    settle: (dial, outcome, jobs, signal) =>
      database.transact(async (db) => {
        const isSettled = await change(db, dial, ['dialling', 'unknown'], {
          state: outcome.state,
          changed_at: NOW,
          call_id: outcome.state === 'placed' ? outcome.callId : null,
          reason: outcome.state === 'placed' ? null : outcome.reason,
          ...(outcome.state !== 'unknown' && { what: null }),
        });
        if (isSettled) await addJobs(db, jobs);
      }, signal),

    postpone: (dial, delayMs, signal) =>
      database.run(async (db) => {
        await change(db, dial, ['taken', 'dialling', 'unknown'], {
          state: 'queued',
          changed_at: NOW,
          due_at: fromNow(delayMs),
          call_id: null,
          reason: null,
        });
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

    dueIn: (signal) =>
      database.run(async (db) => {
        const { ms } = await db
          .selectFrom('dials')
          .where('state', '=', 'queued')
          .select(sql<number | null>`min(due_at) - ${NOW}`.as('ms'))
          .executeTakeFirstOrThrow();
        return ms === null ? undefined : Math.max(0, ms);
      }, signal),

    position: (id, signal) =>
      database.run(async (db) => {
        const { rows } = await sql<{ readonly place: number }>`
          SELECT count(*) AS place FROM offhook.dials AS earlier, offhook.dials AS this
          WHERE this.id = ${id} AND this.state = 'queued' AND earlier.state = 'queued' AND earlier.place <= this.place
        `.execute(db);
        return rows[0]?.place || undefined;
      }, signal),

    abandon: (olderThanMs, signal) =>
      background.transact(async (db) => {
        await db
          .updateTable('dials')
          .set({ state: 'queued', changed_at: NOW })
          .where('state', '=', 'taken')
          .where('changed_at', '<=', fromNow(-olderThanMs))
          .execute();
        const left = await db
          .updateTable('dials')
          .set({ state: 'unknown', reason: 'calls.abandoned', changed_at: NOW })
          .where('state', '=', 'dialling')
          .where('changed_at', '<=', fromNow(-olderThanMs))
          .returning('id')
          .execute();
        return left.map(({ id }) => id);
      }, signal),

    prune: (olderThanMs, signal) =>
      background.run(async (db) => {
        await db
          .deleteFrom('dials')
          .where('state', 'in', ['placed', 'failed', 'cancelled'])
          .where('changed_at', '<', fromNow(-olderThanMs))
          .execute();
      }, signal),
  };
}

/** Lets one transaction after the other pass; one whose process stands still holds the others up for so long at most. */
async function oneAtATime(db: Kysely<Tables>): Promise<void> {
  await sql`
    SELECT set_config('idle_in_transaction_session_timeout', ${String(STALLED_AFTER_MS)}, true),
      pg_advisory_xact_lock(hashtextextended('offhook dials', 0))
  `.execute(db);
}

/** Orders that take a place of the room that Retell had when it was asked. */
async function placesTaken(db: Kysely<Tables>, askedAgoMs: number): Promise<number> {
  const { count } = await db
    .selectFrom('dials')
    .where(({ or, and, eb }) =>
      or([
        eb('state', 'in', ['taken', 'dialling']),
        and([eb('state', 'in', ['placed', 'unknown']), eb('changed_at', '>', fromBegin(-askedAgoMs))]),
      ]),
    )
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

async function sinceLastTaken(db: Kysely<Tables>): Promise<number> {
  const { ms } = await db
    .selectFrom('dials')
    .select(sql<number | null>`${NOW} - max(taken_at)`.as('ms'))
    .executeTakeFirstOrThrow();
  return ms ?? Number.POSITIVE_INFINITY;
}

async function waiting(db: Kysely<Tables>): Promise<number> {
  const { count } = await db
    .selectFrom('dials')
    .where('state', '=', 'queued')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

/** Changes one that is still in these hands, and in one of these states; false when it is not. */
async function change(
  db: Kysely<Tables>,
  { id, takes }: DialInHand,
  states: readonly DialState['state'][],
  set: UpdateObject<Tables, 'dials'>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('dials')
    .set(set)
    .where('id', '=', id)
    .where('takes', '=', takes)
    .where('state', 'in', states)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

type DialRow = Selectable<Tables['dials']>;

function storedOf(row: DialRow): StoredDial {
  const { id, what, takes, attempts, opened_at: openedAt, changed_at: changedAt } = row;
  const order = what === null ? undefined : JSON.parse(what);
  return { ...stateOf(row), id, order, takes, attempts, openedAt, changedAt };
}

function stateOf({ state, call_id: callId, reason }: DialRow): DialState {
  switch (state) {
    case 'placed':
      return { state, callId: callIdOf(callId ?? '') };
    case 'failed':
    case 'unknown':
      return { state, reason: reason ?? '' };
    case 'queued':
    case 'taken':
    case 'dialling':
    case 'cancelled':
      return { state };
    default:
      return state satisfies never;
  }
}

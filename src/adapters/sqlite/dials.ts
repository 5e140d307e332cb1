import type { Kysely, Selectable, Updateable } from 'kysely';
import type { DialState, StoredDial } from '../../ports/dials.ts';
import { fingerprint } from '../../std/fingerprint.ts';
import { addJobs } from './jobs.ts';
import type { RecordsTables } from './records-schema.ts';
import type { DialOperations } from './records-wire.ts';
import { callIdOf } from './rows.ts';

/** What is forgotten, or was never there, in a row that is in no other state. */
const NOTHING_YET = { call_id: null, reason: null } as const;

/** Orders to dial, as the records thread runs them, each operation in a transaction. */
export function dialOperations(db: Kysely<RecordsTables>): DialOperations {
  const queued = () => db.selectFrom('dials').where('state', '=', 'queued');
  const rowOf = (id: string) => db.selectFrom('dials').selectAll().where('id', '=', id).executeTakeFirst();
  const change = async ({ place }: DialRow, set: Updateable<RecordsTables['dials']>) =>
    storedOf(
      await db.updateTable('dials').set(set).where('place', '=', place).returningAll().executeTakeFirstOrThrow(),
    );
  const hold = (row: DialRow, now: number) =>
    change(row, { state: 'dialling', attempts: row.attempts + 1, changed_at: now, ...NOTHING_YET });
  const dialledRow = async (id: string) => {
    const row = await rowOf(id);
    return row?.state === 'dialling' || row?.state === 'unknown' ? row : undefined;
  };
  const waiting = async () => {
    const { count } = await queued()
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return count;
  };

  return {
    async openDial({ id, order, requestId }, limit, now) {
      const request = requestId === undefined ? null : fingerprint('request', requestId);
      const before = await db.selectFrom('dials').selectAll().where('request', '=', request).executeTakeFirst();
      if (before !== undefined)
        return before.fingerprint === fingerprint(before.id, order)
          ? { kind: 'known', dial: storedOf(before) }
          : { kind: 'reused' };
      if ((await waiting()) >= limit) return { kind: 'full' };
      const row = await db
        .insertInto('dials')
        .values({
          id,
          request,
          fingerprint: fingerprint(id, order),
          what: JSON.stringify(order),
          state: 'queued',
          attempts: 0,
          opened_at: now,
          changed_at: now,
          due_at: now,
          ...NOTHING_YET,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      return { kind: 'opened', dial: storedOf(row) };
    },

    async takeDial(now) {
      const next = await queued().selectAll().where('due_at', '<=', now).orderBy('place').limit(1).executeTakeFirst();
      return next && hold(next, now);
    },

    async takeDialIfNext(id, now) {
      const next = await queued().selectAll().orderBy('place').limit(1).executeTakeFirst();
      return next?.id === id && next.due_at <= now ? hold(next, now) : undefined;
    },

    async settleDial(id, outcome, jobs, now) {
      const row = await dialledRow(id);
      if (row === undefined) return;
      await change(row, {
        state: outcome.state,
        changed_at: now,
        call_id: outcome.state === 'placed' ? outcome.callId : null,
        reason: outcome.state === 'placed' ? null : outcome.reason,
        ...(outcome.state !== 'unknown' && { what: null }),
      });
      await addJobs(db, jobs, now);
    },

    async postponeDial(id, dueAt, now) {
      const row = await dialledRow(id);
      if (row !== undefined) await change(row, { state: 'queued', due_at: dueAt, changed_at: now, ...NOTHING_YET });
    },

    async cancelDial(id, now) {
      const row = await rowOf(id);
      if (row?.state !== 'queued') return false;
      await change(row, { state: 'cancelled', what: null, changed_at: now });
      return true;
    },

    async findDial(id) {
      const row = await rowOf(id);
      return row && storedOf(row);
    },

    async listDials(states, limit) {
      const rows = await db
        .selectFrom('dials')
        .selectAll()
        .where('state', 'in', states)
        .orderBy('place')
        .limit(limit)
        .execute();
      return rows.map(storedOf);
    },

    waitingDials: waiting,

    async positionOfDial(id) {
      const row = await rowOf(id);
      if (row?.state !== 'queued') return undefined;
      const { count } = await queued()
        .where('place', '<=', row.place)
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return count;
    },

    async abandonDials(before, now) {
      const left = await db
        .updateTable('dials')
        .set({ state: 'unknown', reason: 'calls.abandoned', changed_at: now })
        .where('state', '=', 'dialling')
        .where('changed_at', '<=', before)
        .returning('id')
        .execute();
      return left.map(({ id }) => id);
    },

    async pruneDials(before) {
      const { numDeletedRows } = await db
        .deleteFrom('dials')
        .where('state', 'in', ['placed', 'failed', 'cancelled'])
        .where('changed_at', '<', before)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}

type DialRow = Selectable<RecordsTables['dials']>;

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

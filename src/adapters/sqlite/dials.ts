import type { Kysely, Selectable, Updateable } from 'kysely';
import type { DialInHand, DialState, StoredDial } from '../../ports/dials.ts';
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
  const inHand = async ({ id, takes }: DialInHand, ...states: readonly DialState['state'][]) => {
    const row = await rowOf(id);
    return row?.takes === takes && states.includes(row.state) ? row : undefined;
  };
  /** Orders that take a place of the room at Retell, as it was at that time. */
  const placesTaken = async (since: number) => {
    const { count } = await db
      .selectFrom('dials')
      .where(({ or, and, eb }) =>
        or([
          eb('state', 'in', ['taken', 'dialling']),
          and([eb('state', 'in', ['placed', 'unknown']), eb('changed_at', '>', since)]),
        ]),
      )
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return count;
  };
  const lastTakenAt = async () => {
    const { at } = await db
      .selectFrom('dials')
      .select(({ fn }) => fn.max('taken_at').as('at'))
      .executeTakeFirstOrThrow();
    return at ?? Number.NEGATIVE_INFINITY;
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
          takes: 0,
          taken_at: null,
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

    async takeDial({ spacingMs, room, only }, now) {
      const first = queued().selectAll().orderBy('place').limit(1);
      const next = await (only === undefined ? first.where('due_at', '<=', now) : first).executeTakeFirst();
      if (!next || next.due_at > now || (only !== undefined && next.id !== only)) return { kind: 'nobody' };
      if (room && (await placesTaken(now - room.askedAgoMs)) >= room.places) return { kind: 'nobody' };
      const waitMs = (await lastTakenAt()) + spacingMs - now;
      if (waitMs > 0) return { kind: 'early', waitMs };
      const taken = { state: 'taken', takes: next.takes + 1, taken_at: now, changed_at: now } as const;
      return { kind: 'taken', dial: await change(next, taken) };
    },

    async beginDial(dial, now) {
      const row = await inHand(dial, 'taken');
      if (row) await change(row, { state: 'dialling', attempts: row.attempts + 1, changed_at: now });
      return row !== undefined;
    },

    async settleDial(dial, outcome, jobs, now) {
      const row = await inHand(dial, 'dialling', 'unknown');
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

    async postponeDial(dial, dueAt, now) {
      const row = await inHand(dial, 'taken', 'dialling', 'unknown');
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

    async dialDueIn(now) {
      const { at } = await queued()
        .select(({ fn }) => fn.min<number | null>('due_at').as('at'))
        .executeTakeFirstOrThrow();
      return at === null ? undefined : Math.max(0, at - now);
    },

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
      await db
        .updateTable('dials')
        .set({ state: 'queued', changed_at: now })
        .where('state', '=', 'taken')
        .where('changed_at', '<=', before)
        .execute();
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

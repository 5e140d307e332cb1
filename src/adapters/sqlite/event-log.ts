import type { DatabaseSync } from 'node:sqlite';
import { type Kysely, sql } from 'kysely';
import type { ConsumerGroup } from '../../ports/event-log.ts';
import { positionsIn, type RecordsTables } from './records-schema.ts';
import type { EventLogOperations } from './records-wire.ts';

/** How many events a group takes over at once while it looks for deliveries. */
const FAN_OUT = 500;

/**
 * The event log, as the records thread runs it. A group takes events over into its deliveries; only the oldest
 * delivery of a call may leave, so a call's order holds while other calls flow.
 */
export function eventLogOperations(db: Kysely<RecordsTables>, database: DatabaseSync): EventLogOperations {
  // Every fact costs one of these: building its query takes longer than running it.
  const deleteDelivery = database.prepare('DELETE FROM deliveries WHERE group_name = ? AND position = ?');
  const delivery = (group: string, id: string) => ({ group_name: group, position: Number(id) });

  return {
    async publish(events, now) {
      const rows = events.map((event) => [event.callId, event.epoch, event.seq, JSON.stringify(event)]);
      await sql`
        INSERT INTO events (call_id, epoch, seq, event, published_at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, ${now} FROM json_each(${JSON.stringify(rows)})
        WHERE true ON CONFLICT DO NOTHING`.execute(db);
    },

    async read({ name: group, types }, limit, leaseMs, now) {
      let heads = await dueHeads(db, group, limit, now);
      while (heads.length < limit && (await fanOut(db, group, types))) heads = await dueHeads(db, group, limit, now);
      if (heads.length === 0) return [];
      await db
        .updateTable('deliveries')
        .set(({ eb }) => ({ attempt: eb('attempt', '+', 1), is_out: 1, due_at: now + leaseMs }))
        .where('group_name', '=', group)
        .where('position', 'in', positionsIn(heads.map(({ position }) => position)))
        .execute();
      return heads.map(({ position, attempt, event }) => ({
        id: String(position),
        event: JSON.parse(event),
        attempt: attempt + 1,
      }));
    },

    async ack(group, id) {
      deleteDelivery.run(group, Number(id));
    },

    async retry(group, id, dueAt) {
      await db
        .updateTable('deliveries')
        .set({ due_at: dueAt, is_out: 0 })
        .where((eb) => eb.and(delivery(group, id)))
        .execute();
    },

    async bury(group, id, fault, now) {
      const found = await db
        .selectFrom('deliveries')
        .innerJoin('events', 'events.position', 'deliveries.position')
        .select(['deliveries.position', 'events.event'])
        .where('deliveries.group_name', '=', group)
        .where('deliveries.position', '=', Number(id))
        .executeTakeFirst();
      if (found === undefined) return;
      const { kind, reason, message } = fault;
      await db
        .insertInto('dead_letters')
        .values({ group_name: group, ...found, kind, reason, message, buried_at: now })
        .execute();
      await db
        .deleteFrom('deliveries')
        .where((eb) => eb.and(delivery(group, id)))
        .execute();
    },

    async pruneEvents(before) {
      const { numDeletedRows } = await db
        .deleteFrom('events')
        .where('published_at', '<', before)
        .where('position', '<=', ({ selectFrom }) =>
          selectFrom('consumer_groups').select(({ fn }) => fn.min('position').as('done')),
        )
        .where('position', 'not in', ({ selectFrom }) => selectFrom('deliveries').select('position'))
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}

/** Deliveries that may leave now: due, and the oldest of their call. */
function dueHeads(db: Kysely<RecordsTables>, group: string, limit: number, now: number) {
  return db
    .selectFrom('deliveries as head')
    .innerJoin('events', 'events.position', 'head.position')
    .select(['head.position', 'head.attempt', 'events.event'])
    .where('head.group_name', '=', group)
    .where('head.due_at', '<=', now)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('deliveries as earlier')
            .select('earlier.position')
            .whereRef('earlier.group_name', '=', 'head.group_name')
            .whereRef('earlier.call_id', '=', 'head.call_id')
            .whereRef('earlier.position', '<', 'head.position'),
        ),
      ),
    )
    .orderBy('head.position')
    .limit(limit)
    .execute();
}

/** Takes the next events over into the group's deliveries; false, and nothing written, when there are none. */
async function fanOut(db: Kysely<RecordsTables>, group: string, types: ConsumerGroup['types']): Promise<boolean> {
  const found = await db.selectFrom('consumer_groups').select('position').where('name', '=', group).executeTakeFirst();
  const from = found?.position ?? 0;
  const next = await db
    .selectFrom('events')
    .select('position')
    .where('position', '>', from)
    .orderBy('position')
    .limit(FAN_OUT)
    .execute();
  const upTo = next.at(-1)?.position;
  if (upTo === undefined) return false;
  await db
    .insertInto('deliveries')
    .columns(['group_name', 'position', 'call_id', 'attempt', 'due_at', 'is_out'])
    .expression(({ selectFrom }) =>
      selectFrom('events')
        .select([
          sql<string>`${group}`.as('group_name'),
          'position',
          'call_id',
          sql<number>`0`.as('attempt'),
          sql<number>`0`.as('due_at'),
          sql<number>`0`.as('is_out'),
        ])
        .where('position', '>', from)
        .where('position', '<=', upTo)
        .$if(types !== undefined, (events) => events.where(sql`event ->> 'type'`, 'in', types ?? [])),
    )
    .execute();
  await db
    .insertInto('consumer_groups')
    .values({ name: group, position: upTo })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ position: upTo }))
    .execute();
  return true;
}

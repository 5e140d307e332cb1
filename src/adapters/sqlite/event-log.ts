import { type Kysely, sql, type Transaction } from 'kysely';
import type { RecordsTables } from './records-schema.ts';
import type { EventLogOperations } from './records-wire.ts';

/** How many events a group takes over at once while it looks for deliveries. */
const FAN_OUT = 500;

/**
 * The event log, as the records thread runs it. A group takes events over into its deliveries; only the oldest
 * delivery of a call may leave, so a call's order holds while other calls flow.
 */
export function eventLogOperations(db: Kysely<RecordsTables>): EventLogOperations {
  const delivery = (group: string, id: string) => ({ group_name: group, position: Number(id) });

  return {
    async publish(events, now) {
      await db.transaction().execute(async (tx) => {
        for (const event of events) {
          const { callId, epoch, seq } = event;
          await tx
            .insertInto('events')
            .values({ call_id: callId, epoch, seq, event: JSON.stringify(event), published_at: now })
            .onConflict((conflict) => conflict.doNothing())
            .execute();
        }
      });
    },

    read: (group, limit, leaseMs, now) =>
      db.transaction().execute(async (tx) => {
        let heads = await dueHeads(tx, group, limit, now);
        while (heads.length < limit && (await fanOut(tx, group))) heads = await dueHeads(tx, group, limit, now);
        if (heads.length === 0) return [];
        await tx
          .updateTable('deliveries')
          .set(({ eb }) => ({ attempt: eb('attempt', '+', 1), is_out: 1, due_at: now + leaseMs }))
          .where('group_name', '=', group)
          .where(
            'position',
            'in',
            heads.map(({ position }) => position),
          )
          .execute();
        return heads.map(({ position, attempt, event }) => ({
          id: String(position),
          event: JSON.parse(event),
          attempt: attempt + 1,
        }));
      }),

    async ack(group, id) {
      await db
        .deleteFrom('deliveries')
        .where((eb) => eb.and(delivery(group, id)))
        .execute();
    },

    async retry(group, id, dueAt) {
      await db
        .updateTable('deliveries')
        .set({ due_at: dueAt, is_out: 0 })
        .where((eb) => eb.and(delivery(group, id)))
        .execute();
    },

    async bury(group, id, fault, now) {
      await db.transaction().execute(async (tx) => {
        const found = await tx
          .selectFrom('deliveries')
          .innerJoin('events', 'events.position', 'deliveries.position')
          .select(['deliveries.position', 'events.event'])
          .where('deliveries.group_name', '=', group)
          .where('deliveries.position', '=', Number(id))
          .executeTakeFirst();
        if (found === undefined) return;
        const { kind, reason, message } = fault;
        await tx
          .insertInto('dead_letters')
          .values({ group_name: group, ...found, kind, reason, message, buried_at: now })
          .execute();
        await tx
          .deleteFrom('deliveries')
          .where((eb) => eb.and(delivery(group, id)))
          .execute();
      });
    },

    async takeBack() {
      await db.updateTable('deliveries').set({ due_at: 0, is_out: 0 }).where('is_out', '=', 1).execute();
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
function dueHeads(tx: Transaction<RecordsTables>, group: string, limit: number, now: number) {
  return tx
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
async function fanOut(tx: Transaction<RecordsTables>, group: string): Promise<boolean> {
  const found = await tx.selectFrom('consumer_groups').select('position').where('name', '=', group).executeTakeFirst();
  const from = found?.position ?? 0;
  const next = await tx
    .selectFrom('events')
    .select('position')
    .where('position', '>', from)
    .orderBy('position')
    .limit(FAN_OUT)
    .execute();
  const upTo = next.at(-1)?.position;
  if (upTo === undefined) return false;
  await tx
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
        .where('position', '<=', upTo),
    )
    .execute();
  await tx
    .insertInto('consumer_groups')
    .values({ name: group, position: upTo })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ position: upTo }))
    .execute();
  return true;
}

import type { DatabaseSync } from 'node:sqlite';
import type { Kysely } from 'kysely';
import type { CallEvent } from '../../call/events.ts';
import { type CallReport, countTurns } from '../../call/report.ts';
import { addJobs } from './jobs.ts';
import { positionsIn, type RecordsTables } from './records-schema.ts';
import type { RecordsOperations } from './records-wire.ts';
import { callIdOf } from './rows.ts';

/** The archive, as the records thread runs it, which puts each operation into a transaction. */
export function recordsOperations(db: Kysely<RecordsTables>, database: DatabaseSync): RecordsOperations {
  // Every turn costs one of these: building its query takes longer than running it.
  const insertFact = database.prepare(
    'INSERT INTO facts (call_id, epoch, seq, event) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  return {
    async acceptWebhook(webhook, { facts, jobs }, now) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('webhooks')
        .values({
          key: webhook.key,
          event: webhook.event,
          call_id: webhook.callId ?? null,
          signed_at: webhook.signedAt,
          received_at: webhook.receivedAt,
          body: webhook.body,
        })
        .onConflict((conflict) =>
          conflict
            .column('key')
            .doUpdateSet(({ ref }) => ({
              signed_at: ref('excluded.signed_at'),
              received_at: ref('excluded.received_at'),
              body: ref('excluded.body'),
            }))
            // The only event that repeats by design: the newest holds all the others.
            .where('webhooks.event', '=', 'transcript_updated')
            .whereRef('excluded.signed_at', '>', 'webhooks.signed_at'),
        )
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows === 0n) return 'duplicate';
      if (facts.length > 0) {
        const rows = facts.map((fact) => ({ event: JSON.stringify(fact) }));
        await db.insertInto('outbox').values(rows).execute();
      }
      await addJobs(db, jobs, now);
      return 'stored';
    },

    async isNamed(callId) {
      const row = await db.selectFrom('webhooks').select('key').where('call_id', '=', callId).limit(1).execute();
      return row.length > 0;
    },

    async isEnded(callId) {
      const row = await db
        .selectFrom('webhooks')
        .select('key')
        .where('call_id', '=', callId)
        .where('event', '=', 'call_ended')
        .limit(1)
        .execute();
      return row.length > 0;
    },

    async saveFact(event) {
      const { callId, epoch, seq } = event;
      insertFact.run(callId, epoch, seq, JSON.stringify(event));
      if (event.type !== 'call.started') return;
      await db
        .insertInto('calls')
        .values({
          call_id: callId,
          agent: event.agent,
          started_at: event.at,
          ended_at: null,
          reason: null,
          turns: null,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },

    facts: (callId) => factsOf(db, callId),

    async saveReport(report) {
      const listed = {
        agent: report.agent.name,
        started_at: report.startedAt,
        ended_at: report.endedAt,
        reason: report.reason,
        turns: report.turns,
      };
      await db
        .insertInto('calls')
        .values({ call_id: report.callId, ...listed })
        .onConflict((conflict) => conflict.column('call_id').doUpdateSet(listed))
        .execute();
      const text = JSON.stringify(report);
      await db
        .insertInto('reports')
        .values({ call_id: report.callId, report: text })
        .onConflict((conflict) => conflict.column('call_id').doUpdateSet({ report: text }))
        .execute();
    },

    async report(callId) {
      const row = await db.selectFrom('reports').select('report').where('call_id', '=', callId).executeTakeFirst();
      if (row === undefined) return undefined;
      const report: CallReport = JSON.parse(row.report);
      return report;
    },

    async listCalls(limit, before) {
      const rows = await db
        .selectFrom('calls')
        .selectAll()
        .where('started_at', '<', before ?? Number.MAX_SAFE_INTEGER)
        .orderBy('started_at', 'desc')
        .orderBy('call_id', 'asc')
        .limit(limit)
        .execute();
      return Promise.all(
        rows.map(async (row) => ({
          callId: callIdOf(row.call_id),
          agent: row.agent,
          startedAt: row.started_at,
          endedAt: row.ended_at ?? undefined,
          reason: row.reason ?? undefined,
          turns: row.turns ?? countTurns(await factsOf(db, row.call_id)),
        })),
      );
    },

    async pendingFacts(limit) {
      const rows = await db.selectFrom('outbox').selectAll().orderBy('position').limit(limit).execute();
      return rows.map(({ position, event }) => ({ position, event: JSON.parse(event) }));
    },

    async forgetFacts(positions) {
      await db.deleteFrom('outbox').where('position', 'in', positionsIn(positions)).execute();
    },
  };
}

async function factsOf(db: Kysely<RecordsTables>, callId: string): Promise<readonly CallEvent[]> {
  const rows = await db
    .selectFrom('facts')
    .select('event')
    .where('call_id', '=', callId)
    .orderBy('epoch')
    .orderBy('seq')
    .execute();
  return rows.map(({ event }): CallEvent => JSON.parse(event));
}

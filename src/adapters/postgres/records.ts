import { type Kysely, sql } from 'kysely';
import type { CallId } from '../../call/call.ts';
import type { CallEvent } from '../../call/events.ts';
import { type CallReport, countTurns } from '../../call/report.ts';
import type { CallSummary, Records } from '../../ports/records.ts';
import type { PostgresDatabase } from './database.ts';
import { addJobs } from './jobs.ts';
import { callIdOf } from './rows.ts';
import type { Tables } from './schema.ts';

/**
 * The archive in Postgres. An outbox's positions are in the order of commits within a call.
 *
 * @param database for webhooks and the proofs of a call: somebody waits for them
 * @param background for the archive, which may have much to catch up with
 */
export function postgresRecords(database: PostgresDatabase, background: PostgresDatabase): Records {
  const isThere = (callId: CallId, event: string | undefined, signal: AbortSignal) =>
    database.run(async (db) => {
      const found = await db
        .selectFrom('webhooks')
        .select('key')
        .where('call_id', '=', callId)
        .$if(event !== undefined, (webhooks) => webhooks.where('event', '=', event ?? ''))
        .limit(1)
        .execute();
      return found.length > 0;
    }, signal);

  return {
    acceptWebhook: ({ key, event, callId, signedAt, receivedAt, body }, { facts, jobs }, signal) =>
      database.transact(async (db) => {
        const stored = await db
          .insertInto('webhooks')
          .values({ key, event, call_id: callId ?? null, signed_at: signedAt, received_at: receivedAt, body })
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
          .returning('key')
          .execute();
        if (stored.length === 0) return 'duplicate';
        await enqueueFacts(db, facts);
        await addJobs(db, jobs);
        return 'stored';
      }, signal),

    isNamed: (callId, signal) => isThere(callId, undefined, signal),
    isEnded: (callId, signal) => isThere(callId, 'call_ended', signal),

    saveFact: (event, signal) =>
      event.type === 'call.started'
        ? background.transact(async (db) => {
            await insertFact(db, event);
            const { callId, agent, at } = event;
            await db
              .insertInto('calls')
              .values({ call_id: callId, agent, started_at: at, ended_at: null, reason: null, turns: null })
              .onConflict((conflict) => conflict.doNothing())
              .execute();
          }, signal)
        : background.run((db) => insertFact(db, event), signal),

    facts: (callId, signal) =>
      background.run(async (db) => {
        const rows = await db
          .selectFrom('facts')
          .select('event')
          .where('call_id', '=', callId)
          .orderBy('epoch')
          .orderBy('seq')
          .execute();
        return rows.map(({ event }): CallEvent => JSON.parse(event));
      }, signal),

    saveReport: (report, signal) =>
      background.transact(async (db) => {
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
      }, signal),

    report: (callId, signal) =>
      background.run(async (db) => {
        const row = await db.selectFrom('reports').select('report').where('call_id', '=', callId).executeTakeFirst();
        if (row === undefined) return undefined;
        const report: CallReport = JSON.parse(row.report);
        return report;
      }, signal),

    listCalls: (limit, before, signal) => background.run((db) => listCalls(db, limit, before), signal),

    pendingFacts: (limit, signal) =>
      background.run(async (db) => {
        const rows = await db.selectFrom('outbox').selectAll().orderBy('position').limit(limit).execute();
        return rows.map(({ position, event }) => ({ position, event: JSON.parse(event) }));
      }, signal),

    forgetFacts: (positions, signal) =>
      background.run(async (db) => {
        await sql`DELETE FROM offhook.outbox WHERE position = ANY (${positions}::bigint[])`.execute(db);
      }, signal),
  };
}

/** Facts of one call get their positions in the order in which they can be read: a relay never meets them out of it. */
async function enqueueFacts(db: Kysely<Tables>, facts: readonly CallEvent[]): Promise<void> {
  if (facts.length === 0) return;
  for (const callId of new Set(facts.map((fact) => fact.callId).toSorted()))
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`offhook outbox ${callId}`}, 0))`.execute(db);
  await db
    .insertInto('outbox')
    .values(facts.map((fact) => ({ event: JSON.stringify(fact) })))
    .execute();
}

async function insertFact(db: Kysely<Tables>, event: CallEvent): Promise<void> {
  const { callId, epoch, seq } = event;
  await db
    .insertInto('facts')
    .values({ call_id: callId, epoch, seq, event: JSON.stringify(event) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

async function listCalls(
  db: Kysely<Tables>,
  limit: number,
  before: number | undefined,
): Promise<readonly CallSummary[]> {
  const rows = await db
    .selectFrom('calls')
    .selectAll()
    .$if(before !== undefined, (calls) => calls.where('started_at', '<', before ?? 0))
    .orderBy('started_at', 'desc')
    .orderBy('call_id', 'asc')
    .limit(limit)
    .execute();
  const live = rows.filter(({ turns }) => turns === null).map(({ call_id }) => call_id);
  const facts =
    live.length === 0 ? [] : await db.selectFrom('facts').selectAll().where('call_id', 'in', live).execute();
  const turnsOf = (callId: string) =>
    countTurns(facts.filter(({ call_id }) => call_id === callId).map(({ event }): CallEvent => JSON.parse(event)));
  return rows.map((row) => ({
    callId: callIdOf(row.call_id),
    agent: row.agent,
    startedAt: row.started_at,
    endedAt: row.ended_at ?? undefined,
    reason: row.reason ?? undefined,
    turns: row.turns ?? turnsOf(row.call_id),
  }));
}

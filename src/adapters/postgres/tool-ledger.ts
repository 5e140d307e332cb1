import { sql } from 'kysely';
import type { Claim, ToolLedger } from '../../ports/tool-ledger.ts';
import { fingerprint } from '../../std/fingerprint.ts';
import type { PostgresDatabase } from './database.ts';
import { fromNow } from './rows.ts';

export interface PostgresToolLedger extends ToolLedger {
  /** Forgets keys claimed longer than `olderThanMs` ago. */
  prune(olderThanMs: number, signal: AbortSignal): Promise<void>;
}

/** What tools did, in Postgres: a claim that was answered is on its disk. */
export function postgresToolLedger(database: PostgresDatabase, background: PostgresDatabase): PostgresToolLedger {
  // Whatever became of who asked, what took place is written down.
  const always = new AbortController().signal;
  const use = (callId: string, key: string) => ({ call_id: callId, fingerprint: fingerprint('tool', key) });

  return {
    claim: (callId, key, signal) =>
      database.run(async (db): Promise<Claim> => {
        for (;;) {
          const claimed = await db
            .insertInto('tool_uses')
            .values({ ...use(callId, key), content: null })
            .onConflict((conflict) => conflict.doNothing())
            .returning('claimed_at')
            .executeTakeFirst();
          if (claimed) return { kind: 'claimed', claimId: Number(claimed.claimed_at) };
          const found = await db
            .selectFrom('tool_uses')
            .select(['content', 'claimed_at', sql<number>`offhook.now_ms() - claimed_at`.as('since_ms')])
            .where((eb) => eb.and(use(callId, key)))
            .executeTakeFirst();
          // Released between the two: claimed anew.
          if (found === undefined) continue;
          if (found.content === null) {
            return { kind: 'unsettled', sinceMs: Number(found.since_ms), claimId: Number(found.claimed_at) };
          }
          const content: string = JSON.parse(found.content);
          return { kind: 'done', content };
        }
      }, signal),

    takeOver: (callId, key, claimId, signal) =>
      database.run(async (db) => {
        const taken = await db
          .updateTable('tool_uses')
          // Its time is the name of a claim: two in one instant must not share it.
          .set({ claimed_at: sql<number>`greatest(offhook.now_ms(), claimed_at + 1)` })
          .where((eb) => eb.and({ ...use(callId, key), claimed_at: claimId }))
          .where('content', 'is', null)
          .returning('claimed_at')
          .executeTakeFirst();
        return taken && Number(taken.claimed_at);
      }, signal),

    settle: (callId, key, content, _signal) =>
      database.run(async (db) => {
        const text = JSON.stringify(content);
        await db
          .insertInto('tool_uses')
          .values({ ...use(callId, key), content: text })
          .onConflict((conflict) => conflict.columns(['call_id', 'fingerprint']).doUpdateSet({ content: text }))
          .execute();
      }, always),

    release: (callId, key, claimId, signal) =>
      database.run(async (db) => {
        await db
          .deleteFrom('tool_uses')
          .where((eb) => eb.and({ ...use(callId, key), claimed_at: claimId }))
          .where('content', 'is', null)
          .execute();
      }, signal),

    forget: (callId, signal) =>
      background.run(async (db) => {
        await db.deleteFrom('tool_uses').where('call_id', '=', callId).execute();
      }, signal),

    prune: (olderThanMs, signal) =>
      background.run(async (db) => {
        await db.deleteFrom('tool_uses').where('claimed_at', '<', fromNow(-olderThanMs)).execute();
      }, signal),
  };
}

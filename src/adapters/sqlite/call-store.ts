import type { CallHead, CallId, StoredCall } from '../../call/call.ts';
import type { CallEvent } from '../../call/events.ts';
import type { PlacedUtterance } from '../../call/transcript.ts';
import type { CallStore } from '../../ports/call-store.ts';
import type { Clock } from '../../std/clock.ts';
import type { LiveDatabase } from './live.ts';
import { callIdOf, numberOf, optionalText, type Row, textOf } from './rows.ts';

export interface SqliteCallStore extends CallStore {
  /** Removes calls and epochs of removed calls that nobody touched for `olderThanMs`; answers how many. Facts stay. */
  prune(olderThanMs: number): number;
}

/** Live calls in `live.db`. Statements are synchronous: each method has taken effect when it returns its promise. */
export function sqliteCallStore(live: LiveDatabase, clock: Clock): SqliteCallStore {
  const sql = statements(live);

  const append = (facts: readonly CallEvent[]) => {
    for (const fact of facts) sql.enqueue.run(JSON.stringify(fact));
  };
  const storedOf = (callId: CallId, head: string | undefined): StoredCall | undefined => {
    if (head === undefined) return undefined;
    const parsed: CallHead = JSON.parse(head);
    return { head: parsed, utterances: sql.utterances.all(callId).map(utteranceOf) };
  };

  return {
    async take(callId, signal) {
      signal.throwIfAborted();
      return live.transact(() => {
        const row = sql.take.get(callId, clock.now()) ?? {};
        return { epoch: numberOf(row, 'epoch'), stored: storedOf(callId, optionalText(row, 'head')) };
      });
    },

    async commit(callId, epoch, { head, appended, facts }, signal) {
      signal.throwIfAborted();
      return live.transact(() => {
        const now = clock.now();
        if (sql.replaceHead.run(JSON.stringify(head), now, now, callId, epoch).changes === 0) return 'fenced';
        for (const { index, role, content } of appended) sql.putUtterance.run(callId, index, role, content);
        append(facts);
        return 'committed';
      });
    },

    async load(callId, signal) {
      signal.throwIfAborted();
      return live.run(() => {
        const row = sql.head.get(callId);
        return row && storedOf(callId, optionalText(row, 'head'));
      });
    },

    async list(signal) {
      signal.throwIfAborted();
      return live.run(() =>
        sql.list.all().map((row) => {
          const head: CallHead = JSON.parse(textOf(row, 'head'));
          return { callId: callIdOf(textOf(row, 'call_id')), committedAt: numberOf(row, 'committed_at'), head };
        }),
      );
    },

    async remove(callId, signal) {
      signal.throwIfAborted();
      live.transact(() => {
        sql.dropUtterances.run(callId);
        sql.bury.run(clock.now(), callId);
      });
    },

    async enqueue(facts, signal) {
      signal.throwIfAborted();
      live.transact(() => append(facts));
    },

    async pendingFacts(limit, signal) {
      signal.throwIfAborted();
      return live.run(() =>
        sql.pending.all(limit).map((row) => {
          const event: CallEvent = JSON.parse(textOf(row, 'event'));
          return { position: numberOf(row, 'position'), event };
        }),
      );
    },

    async forgetFacts(positions, signal) {
      signal.throwIfAborted();
      live.run(() => sql.forget.run(JSON.stringify(positions)));
    },

    prune(olderThanMs) {
      return live.transact(() => {
        const pruned = sql.prune.all(clock.now() - olderThanMs);
        for (const row of pruned) sql.dropUtterances.run(textOf(row, 'call_id'));
        return pruned.length;
      });
    },
  };
}

function utteranceOf(row: Row): PlacedUtterance {
  const role = textOf(row, 'role');
  return {
    index: numberOf(row, 'place'),
    role: role === 'agent' || role === 'transfer_target' ? role : 'user',
    content: textOf(row, 'content'),
  };
}

function statements({ database }: LiveDatabase) {
  return {
    take: database.prepare(`
      INSERT INTO calls (call_id, epoch, is_removed, touched_at) VALUES (?, 1, 0, ?)
      ON CONFLICT (call_id) DO UPDATE SET epoch = epoch + 1, is_removed = 0, touched_at = excluded.touched_at
      RETURNING epoch, head`),
    replaceHead: database.prepare(`
      UPDATE calls SET head = ?, committed_at = ?, touched_at = ? WHERE call_id = ? AND epoch = ? AND is_removed = 0`),
    putUtterance: database.prepare(`
      INSERT INTO utterances (call_id, place, role, content) VALUES (?, ?, ?, ?)
      ON CONFLICT (call_id, place) DO UPDATE SET role = excluded.role, content = excluded.content`),
    head: database.prepare('SELECT head FROM calls WHERE call_id = ?'),
    utterances: database.prepare('SELECT place, role, content FROM utterances WHERE call_id = ? ORDER BY place'),
    list: database.prepare('SELECT call_id, committed_at, head FROM calls WHERE head IS NOT NULL'),
    dropUtterances: database.prepare('DELETE FROM utterances WHERE call_id = ?'),
    bury: database.prepare(`
      UPDATE calls SET head = NULL, committed_at = NULL, is_removed = 1, touched_at = ? WHERE call_id = ?`),
    prune: database.prepare('DELETE FROM calls WHERE touched_at < ? RETURNING call_id'),
    enqueue: database.prepare('INSERT INTO outbox (event) VALUES (?)'),
    pending: database.prepare('SELECT position, event FROM outbox ORDER BY position LIMIT ?'),
    forget: database.prepare('DELETE FROM outbox WHERE position IN (SELECT value FROM json_each(?))'),
  };
}

import type { ToolLedger } from '../../ports/tool-ledger.ts';
import type { Clock } from '../../std/clock.ts';
import type { LiveDatabase } from './live.ts';
import { numberOf, optionalText } from './rows.ts';

export interface SqliteToolLedger extends ToolLedger {
  /** Forgets keys claimed longer than `olderThanMs` ago; answers how many. */
  prune(olderThanMs: number): number;
}

/** What tools did, in `live.db`. Each method has taken effect when it returns its promise. */
export function sqliteToolLedger(live: LiveDatabase, clock: Clock): SqliteToolLedger {
  const { database } = live;
  const claim = database.prepare(`
    INSERT INTO tool_uses (call_id, key, claimed_at) VALUES (?, ?, ?) ON CONFLICT (call_id, key) DO NOTHING`);
  const read = database.prepare('SELECT content, claimed_at FROM tool_uses WHERE call_id = ? AND key = ?');
  const takeOver = database.prepare(`
    UPDATE tool_uses SET claimed_at = ?
    WHERE call_id = ? AND key = ? AND claimed_at = ? AND content IS NULL`);
  // An effect nobody claimed still took place: it is kept, and pruned with the rest.
  const settle = database.prepare(`
    INSERT INTO tool_uses (call_id, key, content, claimed_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (call_id, key) DO UPDATE SET content = excluded.content`);
  const release = database.prepare(`
    DELETE FROM tool_uses WHERE call_id = ? AND key = ? AND claimed_at = ? AND content IS NULL`);
  const forget = database.prepare('DELETE FROM tool_uses WHERE call_id = ?');
  const prune = database.prepare('DELETE FROM tool_uses WHERE claimed_at < ?');

  return {
    async claim(callId, key, signal) {
      signal.throwIfAborted();
      return live.transact(() => {
        const now = clock.now();
        if (claim.run(callId, key, now).changes === 1) return { kind: 'claimed', claimId: now };
        const row = read.get(callId, key) ?? {};
        const content = optionalText(row, 'content');
        if (content !== undefined) return { kind: 'done', content };
        // One process at a time has the folder, and its desk joins those who ask for what is under way.
        return { kind: 'unsettled', sinceMs: Number.POSITIVE_INFINITY, claimId: numberOf(row, 'claimed_at') };
      });
    },
    async takeOver(callId, key, claimId, signal) {
      signal.throwIfAborted();
      // Its time is the name of a claim: two in one instant must not share it.
      const newId = Math.max(clock.now(), claimId + 1);
      const { changes } = live.run(() => takeOver.run(newId, callId, key, claimId));
      return changes === 1 ? newId : undefined;
    },
    // Whatever became of who asked, what took place is written down: an aborted signal does not stop it.
    async settle(callId, key, content, _signal) {
      live.run(() => settle.run(callId, key, content, clock.now()));
    },
    async release(callId, key, claimId, signal) {
      signal.throwIfAborted();
      live.run(() => release.run(callId, key, claimId));
    },
    async forget(callId, signal) {
      signal.throwIfAborted();
      live.run(() => forget.run(callId));
    },
    prune: (olderThanMs) => live.run(() => Number(prune.run(clock.now() - olderThanMs).changes)),
  };
}

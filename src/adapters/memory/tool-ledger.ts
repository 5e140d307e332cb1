import type { CallId } from '../../call/call.ts';
import type { ToolLedger } from '../../ports/tool-ledger.ts';

interface Use {
  /** A number in the place of a time: no two are alike. */
  readonly claimedAt: number;
  readonly content?: string;
}

/** What tools did, in memory, for tests of other rooms. */
export function memoryToolLedger(): ToolLedger {
  const uses = new Map<CallId, Map<string, Use>>();
  let claims = 0;
  const ofCall = (callId: CallId) => {
    const found = uses.get(callId) ?? new Map<string, Use>();
    uses.set(callId, found);
    return found;
  };

  return {
    async claim(callId, key, signal) {
      signal.throwIfAborted();
      const use = ofCall(callId).get(key);
      if (use === undefined) {
        ofCall(callId).set(key, { claimedAt: ++claims });
        return { kind: 'claimed' };
      }
      // One process, whose desk joins those who ask for what is under way.
      const { content, claimedAt } = use;
      if (content === undefined) return { kind: 'unsettled', sinceMs: Number.POSITIVE_INFINITY, claimedAt };
      return { kind: 'done', content };
    },
    async takeOver(callId, key, claimedAt, signal) {
      signal.throwIfAborted();
      const use = ofCall(callId).get(key);
      const isSame = use?.content === undefined && use?.claimedAt === claimedAt;
      if (isSame) ofCall(callId).set(key, { claimedAt: ++claims });
      return isSame;
    },
    // Whatever became of who asked, what took place is written down: an aborted signal does not stop it.
    async settle(callId, key, content, _signal) {
      ofCall(callId).set(key, { claimedAt: ++claims, content });
    },
    async release(callId, key, signal) {
      signal.throwIfAborted();
      if (ofCall(callId).get(key)?.content === undefined) ofCall(callId).delete(key);
    },
    async forget(callId, signal) {
      signal.throwIfAborted();
      uses.delete(callId);
    },
  };
}

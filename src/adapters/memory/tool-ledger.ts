import type { CallId } from '../../call/call.ts';
import type { ToolLedger } from '../../ports/tool-ledger.ts';

/** What tools did, in memory, for tests of other rooms. */
export function memoryToolLedger(): ToolLedger {
  const uses = new Map<CallId, Map<string, { readonly content?: string }>>();
  const ofCall = (callId: CallId) => {
    const found = uses.get(callId) ?? new Map<string, { readonly content?: string }>();
    uses.set(callId, found);
    return found;
  };

  return {
    async claim(callId, key, signal) {
      signal.throwIfAborted();
      const use = ofCall(callId).get(key);
      if (use === undefined) {
        ofCall(callId).set(key, {});
        return { kind: 'claimed' };
      }
      // One process, whose desk joins those who ask for what is under way.
      if (use.content === undefined) return { kind: 'unsettled', sinceMs: Number.POSITIVE_INFINITY };
      return { kind: 'done', content: use.content };
    },
    // Whatever became of who asked, what took place is written down: an aborted signal does not stop it.
    async settle(callId, key, content, _signal) {
      ofCall(callId).set(key, { content });
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

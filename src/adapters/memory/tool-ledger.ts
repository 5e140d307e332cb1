import type { CallId } from '../../call/call.ts';
import type { ClaimId, ToolLedger } from '../../ports/tool-ledger.ts';

type Use = { readonly claimId: ClaimId } | { readonly content: string };

/** What tools did, in memory, for tests of other rooms. */
export function memoryToolLedger(): ToolLedger {
  const uses = new Map<CallId, Map<string, Use>>();
  let claims = 0;
  const ofCall = (callId: CallId) => {
    const found = uses.get(callId) ?? new Map<string, Use>();
    uses.set(callId, found);
    return found;
  };
  const open = (callId: CallId, key: string) => {
    const claimId = ++claims;
    ofCall(callId).set(key, { claimId });
    return claimId;
  };
  const isOpen = (callId: CallId, key: string, claimId: ClaimId) => {
    const use = ofCall(callId).get(key);
    return use !== undefined && 'claimId' in use && use.claimId === claimId;
  };

  return {
    async claim(callId, key, signal) {
      signal.throwIfAborted();
      const use = ofCall(callId).get(key);
      if (use === undefined) return { kind: 'claimed', claimId: open(callId, key) };
      if ('content' in use) return { kind: 'done', content: use.content };
      // One process, whose desk joins those who ask for what is under way.
      return { kind: 'unsettled', sinceMs: Number.POSITIVE_INFINITY, claimId: use.claimId };
    },
    async takeOver(callId, key, claimId, signal) {
      signal.throwIfAborted();
      return isOpen(callId, key, claimId) ? open(callId, key) : undefined;
    },
    // Whatever became of who asked, what took place is written down: an aborted signal does not stop it.
    async settle(callId, key, content, _signal) {
      ofCall(callId).set(key, { content });
    },
    async release(callId, key, claimId, signal) {
      signal.throwIfAborted();
      if (isOpen(callId, key, claimId)) ofCall(callId).delete(key);
    },
    async forget(callId, signal) {
      signal.throwIfAborted();
      uses.delete(callId);
    },
  };
}

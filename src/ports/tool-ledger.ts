import type { CallId } from '../call/call.ts';

/** Opaque: no two claims of a key share it. */
export type ClaimId = number;

export type Claim =
  /** Nobody acted under this key: the caller now may, and must settle or release it. */
  | { readonly kind: 'claimed'; readonly claimId: ClaimId }
  /** It was done; `content` is what it answered. */
  | { readonly kind: 'done'; readonly content: string }
  /**
   * Someone claimed it and has not settled: it may or may not have taken effect, or be about to. `sinceMs` is how long
   * ago that was; infinite where nobody else can be at work on it still.
   */
  | { readonly kind: 'unsettled'; readonly sinceMs: number; readonly claimId: ClaimId };

/** A tool's effect, once per key. The key already holds tool, canonical arguments and scope. Durable across a process's death. */
export interface ToolLedger {
  /** One atomic act: of any number of claimers of one key exactly one gets `claimed`. */
  claim(callId: CallId, key: string, signal: AbortSignal): Promise<Claim>;
  /**
   * One atomic act: of any number who found the same claim unsettled exactly one may act under it now, and gets
   * a claim of its own. Undefined: it was settled, released or taken over meanwhile; claim again.
   */
  takeOver(callId: CallId, key: string, claimId: ClaimId, signal: AbortSignal): Promise<ClaimId | undefined>;
  /** The effect took place; `content` is kept for whoever asks again. */
  settle(callId: CallId, key: string, content: string, signal: AbortSignal): Promise<void>;
  /** The effect certainly did not take place: the key may be claimed anew, unless the claim was taken over. */
  release(callId: CallId, key: string, claimId: ClaimId, signal: AbortSignal): Promise<void>;
  /** Forgets a finished call's keys. */
  forget(callId: CallId, signal: AbortSignal): Promise<void>;
}

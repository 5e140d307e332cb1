import type { CallId } from '../call/call.ts';

export type Claim =
  /** Nobody acted under this key: the caller now may, and must settle or release it. */
  | { readonly kind: 'claimed' }
  /** It was done; `content` is what it answered. */
  | { readonly kind: 'done'; readonly content: string }
  /** Someone claimed it and never settled: it may or may not have taken effect. */
  | { readonly kind: 'unsettled' };

/** A tool's effect, once per key. The key already holds tool, canonical arguments and scope. Durable across a process's death. */
export interface ToolLedger {
  /** One atomic act: of any number of claimers of one key exactly one gets `claimed`. */
  claim(callId: CallId, key: string, signal: AbortSignal): Promise<Claim>;
  /** The effect took place; `content` is kept for whoever asks again. */
  settle(callId: CallId, key: string, content: string, signal: AbortSignal): Promise<void>;
  /** The effect certainly did not take place: the key may be claimed anew. */
  release(callId: CallId, key: string, signal: AbortSignal): Promise<void>;
  /** Forgets a finished call's keys. */
  forget(callId: CallId, signal: AbortSignal): Promise<void>;
}

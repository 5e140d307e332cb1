import type { CallHead, CallId, StoredCall } from '../call/call.ts';
import type { CallEvent } from '../call/events.ts';
import type { PlacedUtterance } from '../call/transcript.ts';

/** A call taken by a session: the epoch it now writes under, and what was stored, if anything was. */
export interface TakenCall {
  readonly epoch: number;
  readonly stored: StoredCall | undefined;
}

export interface Commit {
  readonly head: CallHead;
  /** New and revised utterances only: what a commit costs does not grow with the call. */
  readonly appended: readonly PlacedUtterance[];
  /** Facts for the call's outbox, in order. */
  readonly facts: readonly CallEvent[];
}

/** A stored call, with the time of its last commit by the reader's `Clock.now()`. */
export interface ListedCall {
  readonly callId: CallId;
  readonly committedAt: number;
  readonly head: CallHead;
}

/**
 * `kept`: the store is away; this process holds what was to be written, and writes it when the store is back. Whether
 * another process has taken the call meanwhile cannot be known until then.
 */
export type CommitOutcome = 'committed' | 'kept' | 'fenced';

/** The state of live calls. Writers are fenced by epoch; the newest taker wins. */
export interface CallStore {
  /** Takes the call one epoch higher than it ever was (1 for a new one), in one atomic act. */
  take(callId: CallId, signal: AbortSignal): Promise<TakenCall>;
  /** Writes head, utterances and facts in one atomic act; `fenced` and nothing written when a newer epoch holds the call. */
  commit(callId: CallId, epoch: number, commit: Commit, signal: AbortSignal): Promise<CommitOutcome>;
  /** Reads without taking. */
  load(callId: CallId, signal: AbortSignal): Promise<StoredCall | undefined>;
  /** Every stored call, without its words. */
  list(signal: AbortSignal): Promise<readonly ListedCall[]>;
  /** Forgets the call, but never facts still waiting in its outbox; idempotent. A later commit is refused as fenced. */
  remove(callId: CallId, signal: AbortSignal): Promise<void>;
  /** Adds facts to the outbox outside of any session (a refused call, a webhook), numbered by the caller. */
  enqueue(facts: readonly CallEvent[], signal: AbortSignal): Promise<void>;
  /** The oldest facts waiting to leave, in order per call; the relay's only. */
  pendingFacts(
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly { readonly position: number; readonly event: CallEvent }[]>;
  /** Forgets the facts at these positions: they are in the event log. Idempotent. */
  forgetFacts(positions: readonly number[], signal: AbortSignal): Promise<void>;
}

/** Where the epoch of a call that was kept here was counted: by the store, or, while it was away, by us alone. */
export type EpochSource = 'store' | 'memory';

/** A call store that several processes share, and that may lose what it had. It knows which of them took a call last. */
export interface SharedCallStore extends CallStore {
  /**
   * Writes a call that was kept here while the store was away, whole, in one atomic act, and moves it up to this
   * epoch. `fenced` when it was removed, or another process holds it: under a higher epoch or the same, or, for an
   * epoch counted in memory, under any. What the store does not know any more is written anew.
   *
   * @param whole with every utterance in `appended`
   */
  restore(
    callId: CallId,
    epoch: number,
    countedBy: EpochSource,
    whole: Commit,
    signal: AbortSignal,
  ): Promise<'committed' | 'fenced'>;
}

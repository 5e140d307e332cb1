import type { CallId } from '../call/call.ts';
import type { PlaceCall } from './call-control.ts';
import type { NewJob } from './jobs.ts';

/** An order to dial, as it stands. `unknown`: Retell may or may not have dialled; it has to be asked before anything else. */
export type DialState =
  | { readonly state: 'queued' }
  | { readonly state: 'dialling' }
  | { readonly state: 'placed'; readonly callId: CallId }
  | { readonly state: 'failed' | 'unknown'; readonly reason: string }
  | { readonly state: 'cancelled' };

export type StoredDial = DialState & {
  /** `dial_` and 16 hex digits; goes to Retell in the call's metadata as `offhook_dial`. */
  readonly id: string;
  /** Whom to dial; forgotten once nobody will be dialled for it any more. */
  readonly order: PlaceCall | undefined;
  /** Dials that were begun for it. */
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly openedAt: number;
  /** When its state last changed. */
  readonly changedAt: number;
};

export interface NewDial {
  readonly id: string;
  readonly order: PlaceCall;
  /** What the client calls this order; the same one twice is one order. */
  readonly requestId: string | undefined;
}

/** How long an order is kept once nobody will be dialled for it: a request made again within this time is the same order. */
export const KEEP_DIALS_MS = 30 * 86_400_000;

/** Orders to dial, kept across restarts and shared by all processes: each is dialled by one of them at most. */
export interface Dials {
  /**
   * Queues an order, in one atomic act. `known`: one of this request id is there already, and nothing changed;
   * `reused`: there is, for another order. `full`: `limit` orders wait already.
   */
  open(
    dial: NewDial,
    limit: number,
    signal: AbortSignal,
  ): Promise<
    | { readonly kind: 'opened' | 'known'; readonly dial: StoredDial }
    | { readonly kind: 'reused' }
    | { readonly kind: 'full' }
  >;
  /** Takes the order that waits longest and is due, `dialling` from here on: no other taker gets it. */
  take(signal: AbortSignal): Promise<StoredDial | undefined>;
  /** Takes this one, if it waits and nobody waited longer. */
  takeIfNext(id: string, signal: AbortSignal): Promise<StoredDial | undefined>;
  /** What became of a dial, with the work that follows from it, in one transaction. Only of one `dialling` or `unknown`. */
  settle(
    id: string,
    outcome: Extract<DialState, { state: 'placed' | 'failed' | 'unknown' }>,
    jobs: readonly NewJob[],
    signal: AbortSignal,
  ): Promise<void>;
  /** Nobody was dialled: it waits again, in its old place, not due before `delayMs` from now. */
  postpone(id: string, delayMs: number, signal: AbortSignal): Promise<void>;
  /** False when it does not wait. */
  cancel(id: string, signal: AbortSignal): Promise<boolean>;
  find(id: string, signal: AbortSignal): Promise<StoredDial | undefined>;
  /** In the order they were opened in. */
  list(states: readonly StoredDial['state'][], limit: number, signal: AbortSignal): Promise<readonly StoredDial[]>;
  /** How many wait. */
  waiting(signal: AbortSignal): Promise<number>;
  /** Its place among those that wait: 1 is next. */
  position(id: string, signal: AbortSignal): Promise<number | undefined>;
  /** Orders `dialling` whose state is older than this were left by a process that died: `unknown` from here on. */
  abandon(olderThanMs: number, signal: AbortSignal): Promise<readonly string[]>;
}

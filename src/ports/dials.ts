import type { CallId } from '../call/call.ts';
import type { PlaceCall } from './call-control.ts';
import type { NewJob } from './jobs.ts';

/**
 * An order to dial, as it stands. `taken`: in the hands of one process, and nobody was dialled for it. `dialling`: Retell
 * is being asked. `unknown`: Retell may or may not have dialled; it has to be asked before anything else.
 */
export type DialState =
  | { readonly state: 'queued' }
  | { readonly state: 'taken' }
  | { readonly state: 'dialling' }
  | { readonly state: 'placed'; readonly callId: CallId }
  | { readonly state: 'failed' | 'unknown'; readonly reason: string }
  | { readonly state: 'cancelled' };

export type StoredDial = DialState & {
  /** `dial_` and 16 hex digits; goes to Retell in the call's metadata as `offhook_dial`. */
  readonly id: string;
  /** Whom to dial; forgotten once nobody will be dialled for it any more. */
  readonly order: PlaceCall | undefined;
  /** How often it was taken: what the taker of one time does later has no effect once it was taken again. */
  readonly takes: number;
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

/** An order as it was taken, or as it was found. */
export type DialInHand = Pick<StoredDial, 'id' | 'takes'>;

/** What a taking is held to, by the orders of all processes. */
export interface DialTerms {
  /** Since the last one was taken, at least. */
  readonly spacingMs: number;
  /**
   * Calls that Retell had room for when it was asked, `askedAgoMs` ago. Each order being dialled, and each that was placed
   * since, takes a place of it. Undefined: nobody knows.
   */
  readonly room: { readonly places: number; readonly askedAgoMs: number } | undefined;
  /** None but this one, and only if nobody waited longer. */
  readonly only?: string;
}

/** `early`: one waits, and may be taken after so long, if it is still there. */
export type Taking =
  | { readonly kind: 'taken'; readonly dial: StoredDial }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'early'; readonly waitMs: number };

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
  /** Takes the order that waits longest and is due, within the terms, in one atomic act: no other taker gets it. */
  take(terms: DialTerms, signal: AbortSignal): Promise<Taking>;
  /** Says that Retell is about to be asked. False when it is not in these hands any more: then nobody may be dialled. */
  begin(dial: DialInHand, signal: AbortSignal): Promise<boolean>;
  /** What became of a dial, with the work that follows from it, in one transaction. Only of one `dialling` or `unknown`. */
  settle(
    dial: DialInHand,
    outcome: Extract<DialState, { state: 'placed' | 'failed' | 'unknown' }>,
    jobs: readonly NewJob[],
    signal: AbortSignal,
  ): Promise<void>;
  /** Nobody was dialled, for certain: it waits again, in its old place, not due before `delayMs` from now. */
  postpone(dial: DialInHand, delayMs: number, signal: AbortSignal): Promise<void>;
  /** False when it does not wait. */
  cancel(id: string, signal: AbortSignal): Promise<boolean>;
  find(id: string, signal: AbortSignal): Promise<StoredDial | undefined>;
  /** In the order they were opened in. */
  list(states: readonly StoredDial['state'][], limit: number, signal: AbortSignal): Promise<readonly StoredDial[]>;
  /** How many wait. */
  waiting(signal: AbortSignal): Promise<number>;
  /** After how long one of those that wait is due, 0 when one is; undefined when none waits. */
  dueIn(signal: AbortSignal): Promise<number | undefined>;
  /** Its place among those that wait: 1 is next. */
  position(id: string, signal: AbortSignal): Promise<number | undefined>;
  /**
   * Orders whose state is older than this were left by a process that died. Those `taken` wait again; those `dialling`
   * are `unknown` from here on, and their ids are given.
   */
  abandon(olderThanMs: number, signal: AbortSignal): Promise<readonly string[]>;
}

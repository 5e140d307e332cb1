import type { CallId } from '../call/call.ts';
import type { StoredDial } from '../ports/dials.ts';
import { type Fault, toFault } from '../std/fault.ts';
import type { OperationContext } from './context.ts';
import { isGivenUp, isNotDialled, isWorthWaiting, noKey, stoodStill } from './dial-outcome.ts';
import { DIAL_FIELD, RINGING_MS, settleFailed, settlePlaced, settleUnknown, slotOf } from './settle-dial.ts';
import { createWorkspaceRoom } from './workspace-room.ts';

/**
 * What came of looking for somebody to dial: nobody could be, nobody should be for a while, somebody may be in
 * `waitMs`, or somebody was.
 */
export type DialStep =
  | { readonly kind: 'nobody' | 'rest' }
  | { readonly kind: 'early'; readonly waitMs: number }
  | { readonly kind: 'placed'; readonly callId: CallId }
  | { readonly kind: 'failed'; readonly fault: Fault };

export interface Dialler {
  /**
   * Dials for the order that waited longest, or for `only` this one if nobody waited longer: an order taken is an order
   * dialled, or one that waits again. Rejects when there is no saying whether anybody waits, or could be dialled.
   */
  dialNext(only?: string): Promise<DialStep>;
}

export interface DiallerOptions {
  /** Dials begun per second, by all processes: every telephony provider has a limit. */
  readonly perSecond: number;
  /** No dial begins once it aborts. */
  readonly stopping: AbortSignal;
  /** Cuts off dials on their way; not before `stopping`. */
  readonly cutting: AbortSignal;
}

export const NOBODY: DialStep = { kind: 'nobody' };
const REST: DialStep = { kind: 'rest' };
/** How long a process dials nobody after Retell refused for a passing reason, at least. */
const REST_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/**
 * Retell is asked within this time of saying so, or not at all: the process may have stood still meanwhile. Well below
 * the time after which another process takes the dial for abandoned.
 */
const FRESH_MS = 20_000;

/** Dials for one process: never above the calls allowed here and at Retell, and whatever dies, nobody twice. */
export function createDialler(context: OperationContext, { perSecond, stopping, cutting }: DiallerOptions): Dialler {
  const { dials, leases, callControl, maxCalls, clock, log } = context;
  const spacingMs = 1_000 / perSecond;
  const room = callControl && createWorkspaceRoom(callControl, clock, log);
  let restUntil = 0;

  return {
    async dialNext(only) {
      if (!room || clock.now() < restUntil) return NOBODY;
      // Looked at, not held: while nobody can be dialled, a slot is for whoever calls.
      if ((await leases.count(stopping)) >= maxCalls) return NOBODY;
      const terms = { spacingMs, room: await room.read(stopping), ...(only !== undefined && { only }) };
      stopping.throwIfAborted();
      // Not cut off by a stop: what it takes would be taken all the same, and nobody would know.
      const taking = await dials.take(terms, cutting);
      return taking.kind === 'taken' ? dial(taking.dial) : taking;
    },
  };

  async function dial(taken: StoredDial): Promise<DialStep> {
    const { id, order } = taken;
    let callId: CallId;
    try {
      stopping.throwIfAborted();
      if (!callControl || !order) throw noKey();
      if ((await leases.acquire(slotOf(taken), maxCalls, RINGING_MS, stopping)) === 'full') {
        await putBack(taken, 0);
        return NOBODY;
      }
      const freshUntil = clock.now() + FRESH_MS;
      const isOurs = await dials.begin(taken, cutting);
      if (clock.now() > freshUntil) throw stoodStill(FRESH_MS);
      stopping.throwIfAborted();
      if (!isOurs) {
        await free(taken);
        return NOBODY;
      }
    } catch (thrown) {
      await putBack(taken, 0);
      throw thrown;
    }
    try {
      const metadata = { ...order.metadata, [DIAL_FIELD]: id };
      ({ callId } = await callControl.place({ ...order, metadata }, cutting));
    } catch (thrown) {
      return failed(taken, toFault(thrown, 'calls.place_failed'));
    }
    await written(id, settlePlaced(context, taken, callId));
    return { kind: 'placed', callId };
  }

  async function failed(taken: StoredDial, fault: Fault): Promise<DialStep> {
    const { reason } = fault;
    const attempts = taken.attempts + 1;
    log.warn({ dial: taken.id, attempts, reason }, 'a call could not be placed');
    if (isWorthWaiting(fault) && !isGivenUp(fault, attempts)) {
      const askedMs = Number(fault.detail.retryAfterMs ?? 0);
      restUntil = clock.now() + Math.max(askedMs, REST_MS);
      await putBack(taken, Math.max(askedMs, Math.min(LONGEST_WAIT_MS, REST_MS * 2 ** (attempts - 1))));
      return REST;
    }
    if (isNotDialled(fault)) {
      await free(taken);
      await written(taken.id, settleFailed(context, taken, reason));
    } else {
      await written(taken.id, settleUnknown(context, taken, reason));
    }
    return { kind: 'failed', fault };
  }

  /** Nobody was dialled: the order waits again. */
  async function putBack(taken: StoredDial, delayMs: number): Promise<void> {
    await free(taken);
    await written(taken.id, dials.postpone(taken, delayMs, cutting));
  }

  /** What could not be written down leaves the order in hand: it is found there later, and looked up if it was begun. */
  async function written(id: string, writing: Promise<void>): Promise<void> {
    await writing.catch((thrown: unknown) => {
      log.error({ dial: id, reason: toFault(thrown).reason }, 'what became of a dial could not be stored');
    });
  }

  async function free(taken: StoredDial): Promise<void> {
    try {
      await leases.release(slotOf(taken), cutting);
    } catch (thrown) {
      log.warn({ reason: toFault(thrown).reason }, 'slot of a dial could not be freed; its lease will expire');
    }
  }
}

import type { CallId } from '../call/call.ts';
import type { StoredDial } from '../ports/dials.ts';
import { type Fault, toFault } from '../std/fault.ts';
import { randomHex } from '../std/random.ts';
import type { OperationContext } from './context.ts';
import { isNotDialled, isWorthWaiting, noKey, stoodStill } from './dial-outcome.ts';
import { createDialPace } from './dial-pace.ts';
import { DIAL_FIELD, RINGING_MS, settleFailed, settlePlaced, settleUnknown, slotOf } from './settle-dial.ts';
import { createWorkspaceRoom } from './workspace-room.ts';

/** What came of looking for somebody to dial: nobody could be, nobody should be for a while, or somebody was. */
export type DialStep =
  | { readonly kind: 'nobody' | 'rest' }
  | { readonly kind: 'placed'; readonly callId: CallId }
  | { readonly kind: 'failed'; readonly fault: Fault };

export interface Dialler {
  /**
   * Dials for the order that `take` gives, under a slot that was there before: an order taken is an order dialled, or
   * one that waits again. Rejects when there is no saying whether anybody waits, or could be dialled.
   */
  dialNext(take: (signal: AbortSignal) => Promise<StoredDial | undefined>): Promise<DialStep>;
}

export interface DiallerOptions {
  /** Dials begun per second: every telephony provider has a limit. */
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
/** How often an order is tried while Retell refuses for a passing reason: with the waits between, four minutes. */
const MAX_ATTEMPTS = 10;
const LONGEST_WAIT_MS = 60_000;
/**
 * An order is dialled within this time of being taken, or put back: the process may have stood still meanwhile. Well
 * below the time after which another process takes it for abandoned.
 */
const FRESH_MS = 20_000;

/** Dials for one process: never above the calls allowed here and at Retell, and whatever dies, nobody twice. */
export function createDialler(context: OperationContext, { perSecond, stopping, cutting }: DiallerOptions): Dialler {
  const { dials, leases, callControl, maxCalls, clock, log } = context;
  const pace = createDialPace(perSecond, clock);
  const room = callControl && createWorkspaceRoom(callControl, clock, log);
  let restUntil = 0;

  return {
    async dialNext(take) {
      if (!room || clock.now() < restUntil) return NOBODY;
      // A name of its own: another process may hold a slot for the very order that is about to be asked for.
      const ticket = slotOf(randomHex(8));
      if ((await leases.acquire(ticket, maxCalls, RINGING_MS, stopping)) === 'full') return NOBODY;
      let hasRoom = false;
      let taken: StoredDial | undefined;
      let freshUntil = 0;
      try {
        hasRoom = await room.take(stopping);
        if (hasRoom && (await pace.turn(1_000 / perSecond, stopping))) {
          freshUntil = clock.now() + FRESH_MS;
          taken = await take(stopping);
        }
      } finally {
        if (!taken) {
          if (hasRoom) room.giveBack();
          await free(ticket);
        }
      }
      return taken ? dial(taken, ticket, freshUntil) : NOBODY;
    },
  };

  async function dial(taken: StoredDial, ticket: string, freshUntil: number): Promise<DialStep> {
    const { id, order } = taken;
    let callId: CallId;
    try {
      if (!callControl || !order) throw noKey();
      await leases.rename(ticket, slotOf(id), RINGING_MS, stopping);
      if (clock.now() > freshUntil) throw stoodStill(FRESH_MS);
      stopping.throwIfAborted();
    } catch (thrown) {
      await free(ticket);
      return putBack(taken, toFault(thrown));
    }
    try {
      const metadata = { ...order.metadata, [DIAL_FIELD]: id };
      ({ callId } = await callControl.place({ ...order, metadata }, cutting));
    } catch (thrown) {
      return failed(taken, toFault(thrown, 'calls.place_failed'));
    }
    await written(id, settlePlaced(context, id, callId));
    return { kind: 'placed', callId };
  }

  async function failed(taken: StoredDial, fault: Fault): Promise<DialStep> {
    const { id, attempts } = taken;
    const { reason } = fault;
    log.warn({ dial: id, attempts, reason }, 'a call could not be placed');
    if (isWorthWaiting(fault) && attempts < MAX_ATTEMPTS) return putBack(taken, fault);
    if (isNotDialled(fault)) {
      await free(slotOf(id));
      await written(id, settleFailed(context, id, reason));
    } else {
      await written(id, settleUnknown(context, id, reason));
    }
    return { kind: 'failed', fault };
  }

  /** Nobody was dialled: the order waits again, and this process rests a little. */
  async function putBack({ id, attempts }: StoredDial, fault: Fault): Promise<DialStep> {
    const askedMs = Number(fault.detail.retryAfterMs ?? 0);
    const delayMs = Math.max(askedMs, Math.min(LONGEST_WAIT_MS, REST_MS * 2 ** (attempts - 1)));
    restUntil = clock.now() + Math.max(askedMs, REST_MS);
    await free(slotOf(id));
    await written(id, dials.postpone(id, delayMs, cutting));
    return REST;
  }

  /** What could not be written down leaves the order as one being dialled: it is looked up at Retell then. */
  async function written(id: string, writing: Promise<void>): Promise<void> {
    await writing.catch((thrown: unknown) => {
      log.error({ dial: id, reason: toFault(thrown).reason }, 'what became of a dial could not be stored');
    });
  }

  async function free(holder: string): Promise<void> {
    try {
      await leases.release(holder, cutting);
    } catch (thrown) {
      log.warn({ reason: toFault(thrown).reason }, 'slot of a dial could not be freed; its lease will expire');
    }
  }
}

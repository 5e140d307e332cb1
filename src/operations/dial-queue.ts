import type { CallId } from '../call/call.ts';
import type { PlaceCall } from '../ports/call-control.ts';
import type { StoredDial } from '../ports/dials.ts';
import { Fault, toFault } from '../std/fault.ts';
import { randomHex } from '../std/random.ts';
import type { OperationContext } from './context.ts';
import {
  isNotDialled,
  isWorthWaiting,
  noKey,
  queueFull,
  refusedBefore,
  requestReused,
  stoodStill,
} from './dial-outcome.ts';
import { createDialPace, createWorkspaceRoom } from './dial-pace.ts';
import { RINGING_MS, settleFailed, settlePlaced, settleUnknown, slotOf } from './settle-dial.ts';

/** An order to dial, as it stands. `unknown`: Retell may or may not have dialled; it is asked, and nobody dials again. */
export type Dial =
  | { readonly state: 'queued'; readonly id: string /** 1 is next. */; readonly position: number }
  | { readonly state: 'dialling'; readonly id: string }
  | { readonly state: 'placed'; readonly id: string; readonly callId: CallId }
  | { readonly state: 'failed' | 'unknown'; readonly id: string; readonly reason: string }
  | { readonly state: 'cancelled'; readonly id: string };

/**
 * Outbound calls and the queue they wait in: one for all processes, kept across restarts. Whatever dies or stays
 * silent, an order is dialled at most once.
 */
export interface DialQueue {
  /**
   * Dials now when there is a slot and nobody waits, else queues. Answers when the call is placed or queued; for a
   * request made before, as its order stands.
   * @throws Fault `calls.queue_full`, `calls.request_reused`, `calls.refused_before`, `retell.no_key`, or what placing threw
   */
  place(order: PlaceCall, requestId: string | undefined): Promise<Dial>;
  find(id: string, signal: AbortSignal): Promise<Dial | undefined>;
  /** Those that wait, the next one first. */
  list(signal: AbortSignal): Promise<readonly Dial[]>;
  /** Takes a waiting order out of the queue; false when it is not waiting. */
  cancel(id: string, signal: AbortSignal): Promise<boolean>;
  waiting(signal: AbortSignal): Promise<number>;
  /** This process dials nobody any more; settles when its dials on their way have. Those that wait are kept. */
  close(): Promise<void>;
}

export interface DialQueueOptions {
  /** Orders that may wait; one more is refused. Default 100. */
  readonly limit?: number;
  /** Dials begun per second by this process: every telephony provider has a limit. Default 1. */
  readonly perSecond?: number;
}

/** The field of a call's metadata by which it is found again at Retell. */
export const DIAL_FIELD = 'offhook_dial';

/** How often the queue is looked at while somebody waits in it. */
const TICK_MS = 1_000;
/** How often else: another process may have died over orders it had taken in. */
const IDLE_MS = 10_000;
/** How often an order is tried while Retell refuses for a passing reason: with the waits between, four minutes. */
const MAX_ATTEMPTS = 10;
const LONGEST_WAIT_MS = 60_000;
/** A dial on its way may take so long when the process is told to stop. */
const GRACE_MS = 5_000;
/**
 * An order is dialled within this time of being taken, or put back: the process may have stood still meanwhile. Well
 * below the time after which another process takes it for abandoned.
 */
const FRESH_MS = 20_000;

/** What came of looking for somebody to dial: nobody could be, nobody should be for a while, or somebody was. */
type Step =
  | { readonly kind: 'nobody' | 'rest' }
  | { readonly kind: 'dialled'; readonly dial: Dial }
  | { readonly kind: 'failed'; readonly fault: Fault };
const NOBODY: Step = { kind: 'nobody' };
const REST: Step = { kind: 'rest' };

type Take = (signal: AbortSignal) => Promise<StoredDial | undefined>;

/** Opens the queue for one process: first come, first dialled, never above the calls allowed here and at Retell. */
export function createDialQueue(context: OperationContext, options: DialQueueOptions = {}): DialQueue {
  const { dials, leases, callControl, maxCalls, clock, log } = context;
  const { limit = 100, perSecond = 1 } = options;
  const stopping = new AbortController();
  const dialling = new AbortController();
  const pace = createDialPace(perSecond, clock);
  const room = callControl && createWorkspaceRoom(callControl, clock, log);
  const inHand = new Set<Promise<unknown>>();
  let look: { readonly at: number; readonly cancel: () => void } | undefined;
  let isPumping = false;
  let isRung = false;
  let isFailing = false;
  let restUntil = 0;
  lookIn(TICK_MS);

  return {
    async place(order, requestId) {
      if (!callControl) throw noKey();
      const id = `dial_${randomHex(8)}`;
      const opened = await dials.open({ id, order, requestId }, limit, stopping.signal);
      switch (opened.kind) {
        case 'full':
          throw queueFull(limit);
        case 'reused':
          throw requestReused();
        case 'known':
          if (opened.dial.state === 'failed') throw refusedBefore(opened.dial.reason);
          return stand(opened.dial, stopping.signal);
        case 'opened':
          return own(dialOrQueue(opened.dial));
        default:
          return opened satisfies never;
      }
    },
    async find(id, signal) {
      const dial = isDialId(id) ? await dials.find(id, signal) : undefined;
      return dial && stand(dial, signal);
    },
    async list(signal) {
      const queued = await dials.list(['queued'], limit, signal);
      return queued.map(({ id }, index) => ({ state: 'queued', id, position: index + 1 }));
    },
    cancel: async (id, signal) => isDialId(id) && dials.cancel(id, signal),
    waiting: (signal) => dials.waiting(signal),
    async close() {
      stopping.abort(new Fault('cancelled', 'calls.dialling_stopped', 'the process is stopping'));
      look?.cancel();
      const cancel = clock.after(GRACE_MS, () => dialling.abort(stopping.signal.reason));
      await Promise.allSettled(inHand);
      cancel();
    },
  };

  /** The order is stored by now, so whatever fails but the dial itself leaves it in the queue. */
  async function dialOrQueue(order: StoredDial): Promise<Dial> {
    const { id } = order;
    const step = await dialNext((signal) => dials.takeIfNext(id, signal)).catch((thrown: unknown): Step => {
      log.warn(
        { dial: id, reason: toFault(thrown).reason },
        'a call could not be dialled at once; it waits in the queue',
      );
      return NOBODY;
    });
    if (step.kind === 'failed') throw step.fault;
    if (step.kind === 'dialled') return step.dial;
    lookIn(TICK_MS);
    const now = await dials.find(id, stopping.signal);
    return stand(now ?? order, stopping.signal);
  }

  /** Dials for the order that `take` gives, under a slot that was there before: an order taken is an order dialled. */
  async function dialNext(take: Take): Promise<Step> {
    if (!room || clock.now() < restUntil) return NOBODY;
    const { signal } = stopping;
    // A name of its own: another process may hold a slot for the very order that is about to be asked for.
    const ticket = slotOf(randomHex(8));
    if ((await leases.acquire(ticket, maxCalls, RINGING_MS, signal)) === 'full') return NOBODY;
    let hasRoom = false;
    let taken: StoredDial | undefined;
    let freshUntil = 0;
    try {
      hasRoom = await room.take(signal);
      if (hasRoom && (await pace.turn(1_000 / perSecond, signal))) {
        freshUntil = clock.now() + FRESH_MS;
        taken = await take(signal);
      }
    } finally {
      if (!taken) {
        if (hasRoom) room.giveBack();
        await free(ticket);
      }
    }
    return taken ? dial(taken, ticket, freshUntil) : NOBODY;
  }

  async function dial(taken: StoredDial, ticket: string, freshUntil: number): Promise<Step> {
    const { id, order } = taken;
    let callId: CallId;
    try {
      if (!callControl || !order) throw noKey();
      await leases.rename(ticket, slotOf(id), RINGING_MS, stopping.signal);
      if (clock.now() > freshUntil) throw stoodStill(FRESH_MS);
      stopping.signal.throwIfAborted();
    } catch (thrown) {
      await free(ticket);
      return putBack(taken, toFault(thrown));
    }
    try {
      const metadata = { ...order.metadata, [DIAL_FIELD]: id };
      ({ callId } = await callControl.place({ ...order, metadata }, dialling.signal));
    } catch (thrown) {
      return failed(taken, toFault(thrown, 'calls.place_failed'));
    }
    await written(id, settlePlaced(context, id, callId));
    return { kind: 'dialled', dial: { state: 'placed', id, callId } };
  }

  async function failed(taken: StoredDial, fault: Fault): Promise<Step> {
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
  async function putBack({ id, attempts }: StoredDial, fault: Fault): Promise<Step> {
    const askedMs = Number(fault.detail.retryAfterMs ?? 0);
    const delayMs = Math.max(askedMs, Math.min(LONGEST_WAIT_MS, TICK_MS * 2 ** (attempts - 1)));
    restUntil = clock.now() + Math.max(askedMs, TICK_MS);
    await free(slotOf(id));
    await written(id, dials.postpone(id, delayMs, dialling.signal));
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
      await leases.release(holder, dialling.signal);
    } catch (thrown) {
      log.warn({ reason: toFault(thrown).reason }, 'slot of a dial could not be freed; its lease will expire');
    }
  }

  /** Looks at the queue so soon, or sooner when it would anyway. */
  function lookIn(delayMs: number): void {
    const at = clock.now() + delayMs;
    isRung ||= isPumping;
    if (!callControl || isPumping || stopping.signal.aborted || (look && look.at <= at)) return;
    look?.cancel();
    look = { at, cancel: clock.after(delayMs, () => void own(pump())) };
  }

  /** Dials from the head of the queue for as long as there are slots. Never rejects. */
  async function pump(): Promise<void> {
    look = undefined;
    isPumping = true;
    isRung = false;
    let waits = true;
    try {
      for (let step: Step | undefined; step?.kind !== 'nobody' && step?.kind !== 'rest'; ) {
        waits = (await dials.waiting(stopping.signal)) > 0;
        step = waits ? await dialNext(dials.take) : NOBODY;
      }
      isFailing = false;
    } catch (thrown) {
      const { reason } = toFault(thrown);
      if (!isFailing && !stopping.signal.aborted)
        log.warn({ reason }, 'the queue of calls cannot be served; trying on');
      isFailing = true;
    }
    isPumping = false;
    lookIn(waits || isRung ? TICK_MS : IDLE_MS);
  }

  async function stand(dial: StoredDial, signal: AbortSignal): Promise<Dial> {
    const { id, state } = dial;
    switch (state) {
      case 'queued':
        return { state, id, position: (await dials.position(id, signal)) ?? 1 };
      case 'placed':
        return { state, id, callId: dial.callId };
      case 'failed':
      case 'unknown':
        return { state, id, reason: dial.reason };
      case 'dialling':
      case 'cancelled':
        return { state, id };
      default:
        return state satisfies never;
    }
  }

  function own<T>(work: Promise<T>): Promise<T> {
    inHand.add(work);
    const done = () => inHand.delete(work);
    work.then(done, done);
    return work;
  }
}

function isDialId(id: string): boolean {
  return /^dial_[0-9a-f]{16}$/.test(id);
}

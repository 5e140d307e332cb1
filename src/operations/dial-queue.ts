import type { CallId } from '../call/call.ts';
import type { PlaceCall } from '../ports/call-control.ts';
import type { StoredDial } from '../ports/dials.ts';
import { sleep } from '../std/clock.ts';
import { Fault, toFault } from '../std/fault.ts';
import { randomHex } from '../std/random.ts';
import type { OperationContext } from './context.ts';
import { noKey, queueFull, refusedBefore, requestReused } from './dial-outcome.ts';
import { createDialler, type DialStep, NOBODY } from './dialler.ts';

/** An order to dial, as it stands. `dialling`: in hand, its phone may not ring yet. `unknown`: Retell may or may not have dialled; it is asked, and nobody dials again. */
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
  /** Dials begun per second, by all processes. */
  readonly perSecond: number;
}

/** How often the queue is looked at while somebody waits in it. */
const TICK_MS = 1_000;
/** How often else: another process may have died over orders it had taken in. */
const IDLE_MS = 10_000;
/** A dial on its way may take so long when the process is told to stop. */
const GRACE_MS = 5_000;

/** Opens the queue for one process: first come, first dialled. */
export function createDialQueue(context: OperationContext, options: DialQueueOptions): DialQueue {
  const { dials, callControl, clock, log } = context;
  const { limit = 100, perSecond } = options;
  const stopping = new AbortController();
  const cutting = new AbortController();
  const dialler = createDialler(context, { perSecond, stopping: stopping.signal, cutting: cutting.signal });
  const inHand = new Set<Promise<unknown>>();
  let look: { readonly at: number; readonly cancel: () => void } | undefined;
  let isPumping = false;
  let isRung = false;
  /** Orders at the head of the queue whose clients wait for their turn. */
  let heads = 0;
  let isFailing = false;
  lookIn(TICK_MS);

  return {
    async place(order, requestId) {
      if (!callControl) throw noKey();
      stopping.signal.throwIfAborted();
      return own(enter(order, requestId));
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
      const cancel = clock.after(GRACE_MS, () => cutting.abort(stopping.signal.reason));
      await Promise.allSettled(inHand);
      cancel();
    },
  };

  /** Not cut off by a stop: the order may be stored by then, and its client, told otherwise, would order it anew. */
  async function enter(order: PlaceCall, requestId: string | undefined): Promise<Dial> {
    const id = `dial_${randomHex(8)}`;
    const opened = await dials.open({ id, order, requestId }, limit, cutting.signal);
    switch (opened.kind) {
      case 'full':
        throw queueFull(limit);
      case 'reused':
        throw requestReused();
      case 'known':
        if (opened.dial.state === 'failed') throw refusedBefore(opened.dial.reason);
        return stand(opened.dial, cutting.signal);
      case 'opened':
        return dialOrQueue(opened.dial);
      default:
        return opened satisfies never;
    }
  }

  /** The order is stored by now, so whatever fails but the dial itself leaves it in the queue. */
  async function dialOrQueue(order: StoredDial): Promise<Dial> {
    const { id } = order;
    const step = await dialFor(id).catch((thrown: unknown): DialStep => {
      const { reason } = toFault(thrown);
      log.warn({ dial: id, reason }, 'a call could not be dialled at once; it waits in the queue');
      return NOBODY;
    });
    if (step.kind === 'failed') throw step.fault;
    if (step.kind === 'placed') return { state: 'placed', id, callId: step.callId };
    lookIn(TICK_MS);
    const now = await dials.find(id, cutting.signal);
    return stand(now ?? order, cutting.signal);
  }

  /** Waits for its turn if it is the next one; of two turns it is left to the queue. */
  async function dialFor(id: string): Promise<DialStep> {
    const step = await dialler.dialNext(id);
    if (step.kind !== 'early') return step;
    heads += 1;
    try {
      await sleep(clock, step.waitMs, stopping.signal);
      return await dialler.dialNext(id);
    } finally {
      heads -= 1;
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
      for (let step: DialStep | undefined; step?.kind !== 'nobody' && step?.kind !== 'rest'; ) {
        if (step?.kind === 'early') await sleep(clock, step.waitMs, stopping.signal);
        const dueInMs = await dials.dueIn(stopping.signal);
        waits = dueInMs !== undefined;
        step = dueInMs === 0 && heads === 0 ? await dialler.dialNext() : NOBODY;
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
      case 'taken':
        return { state: 'dialling', id };
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

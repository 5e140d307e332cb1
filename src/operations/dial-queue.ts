import type { CallId } from '../call/call.ts';
import type { PlaceCall } from '../ports/call-control.ts';
import { Fault, toFault } from '../std/fault.ts';
import { randomHex } from '../std/random.ts';
import type { OperationContext } from './context.ts';
import { isNotDialled, isWorthWaiting, noKey } from './dial-outcome.ts';
import { remember } from './remember.ts';

/** An order to dial, as it stands. `unknown`: Retell may or may not have dialled, so it is never tried again. */
export type Dial =
  | { readonly state: 'queued'; readonly id: string /** 1 is next. */; readonly position: number }
  | { readonly state: 'dialling'; readonly id: string }
  | { readonly state: 'placed'; readonly id: string; readonly callId: CallId }
  | { readonly state: 'failed' | 'unknown'; readonly id: string; readonly reason: string }
  | { readonly state: 'cancelled'; readonly id: string };

/** Outbound calls and the line they wait in. In memory: a restart forgets who waits, never who was dialled. */
export interface DialQueue {
  /**
   * Dials now when there is a slot and nobody waits, else queues. Answers when the call is placed or queued.
   * @throws Fault `calls.queue_full`, `retell.no_key`, or what placing threw
   */
  place(order: PlaceCall, requestId: string | undefined): Promise<Dial>;
  find(id: string): Dial | undefined;
  list(): readonly Dial[];
  /** Takes a waiting order out of the line; false when it is not waiting. */
  cancel(id: string): boolean;
  readonly waiting: number;
  /** Dials nobody any more; settles when the dials on their way have. */
  close(): Promise<void>;
}

export interface DialQueueOptions {
  /** Orders that may wait; one more is refused. Default 100. */
  readonly limit?: number;
}

interface Waiting {
  readonly id: string;
  readonly order: PlaceCall;
  attempts: number;
}

/** From the order to the socket: Retell rings for 30 s unless told otherwise, and asks us once it was answered. */
const RINGING_MS = 120_000;
const TICK_MS = 1_000;
/** How often a queued order is tried again, a tick apart, while Retell refuses for a passing reason. */
const MAX_ATTEMPTS = 30;
/** Finished orders that can still be asked after. */
const REMEMBERED = 1_000;

/** Makes the line of outbound calls for one process: first come, first dialled, never above the calls allowed. */
export function createDialQueue(context: OperationContext, options: DialQueueOptions = {}): DialQueue {
  const { leases, maxCalls, clock, log } = context;
  const limit = options.limit ?? 100;
  const lifetime = new AbortController();
  const line: Waiting[] = [];
  const known = new Map<string, Dial>();
  const requests = new Map<string, Promise<Dial>>();
  const dialling = new Set<Promise<unknown>>();
  let isPumping = false;
  let cancelTick: (() => void) | undefined;

  return {
    place(order, requestId) {
      const earlier = requestId === undefined ? undefined : requests.get(requestId);
      if (earlier) return again(earlier);
      const placed = take(order);
      if (requestId !== undefined) {
        remember(requests, requestId, placed, REMEMBERED);
        // Refused before anything was dialled: the same request may be made again.
        placed.catch((thrown: unknown) => isNotDialled(thrown) && requests.delete(requestId));
      }
      return placed;
    },
    find,
    list: () => [...known.keys()].flatMap((id) => find(id) ?? []),
    cancel(id) {
      const index = line.findIndex((waiting) => waiting.id === id);
      if (index < 0) return false;
      line.splice(index, 1);
      note({ state: 'cancelled', id });
      return true;
    },
    get waiting() {
      return line.length;
    },
    async close() {
      lifetime.abort(new Fault('cancelled', 'calls.dialling_stopped', 'the process is stopping'));
      cancelTick?.();
      if (line.length > 0) log.warn({ waiting: line.length }, 'calls waiting to be dialled are forgotten');
      await Promise.allSettled(dialling);
    },
  };

  async function take(order: PlaceCall): Promise<Dial> {
    if (!context.callControl) throw noKey();
    const id = `dial_${randomHex(8)}`;
    const isFirst = line.length === 0 && !isPumping;
    if (isFirst && (await leases.acquire(`dial:${id}`, maxCalls, RINGING_MS, lifetime.signal)) === 'held') {
      return own(dial(id, order));
    }
    if (line.length >= limit) {
      throw new Fault('exhausted', 'calls.queue_full', `expected at most ${limit} calls waiting to be dialled`, {
        effect: 'this one is not dialled; those who wait keep their places',
        fixes: ['try again later', 'raise OFFHOOK_MAX_CALLS'],
      });
    }
    line.push({ id, order, attempts: 0 });
    tick();
    return note({ state: 'queued', id, position: line.length });
  }

  /** Places the call under a slot that is already held for `dial:<id>`. */
  async function dial(id: string, order: PlaceCall): Promise<Dial> {
    const { callControl } = context;
    try {
      if (!callControl) throw noKey();
      note({ state: 'dialling', id });
      const metadata = { ...order.metadata, offhook_dial: id };
      const { callId } = await callControl.place({ ...order, metadata }, lifetime.signal);
      await leases.rename(`dial:${id}`, callId, RINGING_MS, lifetime.signal).catch((thrown: unknown) => {
        log.warn({ callId, reason: toFault(thrown).reason }, 'slot of a placed call could not be renamed');
      });
      return note({ state: 'placed', id, callId });
    } catch (thrown) {
      const fault = toFault(thrown, 'calls.place_failed');
      const isUnknown = !isNotDialled(fault);
      note({ state: isUnknown ? 'unknown' : 'failed', id, reason: fault.reason });
      // A person may be on the line: their slot stays until its lease expires.
      if (!isUnknown) await free(id);
      throw fault;
    }
  }

  async function free(id: string): Promise<void> {
    try {
      await leases.release(`dial:${id}`, lifetime.signal);
    } catch (thrown) {
      log.warn({ dial: id, reason: toFault(thrown).reason }, 'slot could not be freed; its lease will expire');
    }
  }

  /** A slot may be free: dials who is next. */
  function wake(): void {
    if (isPumping || line.length === 0 || lifetime.signal.aborted) return;
    isPumping = true;
    const pumped = own(pump());
    void pumped.finally(() => {
      isPumping = false;
      tick();
    });
  }

  /** Dials from the head of the line for as long as there are slots. Never rejects. */
  async function pump(): Promise<void> {
    for (;;) {
      const next = line[0];
      if (!next) return;
      try {
        if ((await leases.acquire(`dial:${next.id}`, maxCalls, RINGING_MS, lifetime.signal)) === 'full') return;
      } catch (thrown) {
        log.warn({ reason: toFault(thrown).reason }, 'no slot could be asked for; dialling waits');
        return;
      }
      if (line[0] !== next) {
        await free(next.id); // it was cancelled meanwhile
        continue;
      }
      line.shift();
      if (!(await dialQueued(next))) return;
    }
  }

  /** False when the line should rest until the next tick. */
  async function dialQueued(next: Waiting): Promise<boolean> {
    try {
      await dial(next.id, next.order);
      return true;
    } catch (thrown) {
      const fault = toFault(thrown);
      next.attempts++;
      log.warn({ dial: next.id, attempts: next.attempts, reason: fault.reason }, 'a queued call could not be placed');
      if (!isWorthWaiting(fault) || next.attempts >= MAX_ATTEMPTS) return true;
      line.unshift(next);
      note({ state: 'queued', id: next.id, position: 1 });
      return false;
    }
  }

  function tick(): void {
    if (cancelTick || line.length === 0 || lifetime.signal.aborted) return;
    cancelTick = clock.after(TICK_MS, () => {
      cancelTick = undefined;
      wake();
      tick();
    });
  }

  function find(id: string): Dial | undefined {
    const position = line.findIndex((waiting) => waiting.id === id) + 1;
    return position > 0 ? { state: 'queued', id, position } : known.get(id);
  }

  /** The answer to a request that was made before: as its order stands now. */
  async function again(earlier: Promise<Dial>): Promise<Dial> {
    const dialled = await earlier;
    return find(dialled.id) ?? dialled;
  }

  function note(stands: Dial): Dial {
    remember(known, stands.id, stands, REMEMBERED);
    return stands;
  }

  function own<T>(work: Promise<T>): Promise<T> {
    dialling.add(work);
    const done = () => dialling.delete(work);
    work.then(done, done);
    return work;
  }
}

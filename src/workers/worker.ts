import type { CallEvent } from '../call/events.ts';
import type { ConsumerGroup, Delivery, EventLog } from '../ports/event-log.ts';
import type { Clock } from '../std/clock.ts';
import { Fault, toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { randomBetween } from '../std/random.ts';
import { withDeadline } from '../std/signals.ts';
import { nextStep } from './retry.ts';

/** What a worker does with an event. Delivered twice, it changes nothing the second time. */
export type Handle = (event: CallEvent, signal: AbortSignal) => Promise<void>;

export interface WorkerOptions {
  /** Workers of one group share its deliveries. */
  readonly group: ConsumerGroup;
  readonly handle: Handle;
  readonly eventLog: EventLog;
  readonly clock: Clock;
  readonly log: Log;
  /** Deliveries handled at once, each of another call. Default 100: a hundred cost one transaction. */
  readonly concurrency?: number;
  /** How often an empty log is asked again. Default 250. */
  readonly idleMs?: number;
  /** A handler that takes longer has failed; below the lease, so that nobody else has begun meanwhile. Default 30,000. */
  readonly handleTimeoutMs?: number;
  /** How long handlers may run on once the worker is told to stop. Default 5,000. */
  readonly drainMs?: number;
  /** Spreads retries; up to a quarter longer unless told otherwise. */
  readonly jitter?: (delayMs: number) => number;
}

const LEASE_MS = 60_000;
/** The log itself failed: asked again after this. */
const AFTER_FAILURE_MS = 1_000;
/** What is asked of the log may outlast the drain, but not hang. */
const SETTLE_TIMEOUT_MS = 5_000;

/**
 * The loop every worker gets: reads its group, handles events of different calls at once and those of one call in
 * order, retries by the kind of the Fault, and sets poison aside with it.
 *
 * @returns when the signal aborts: nothing more is read, what is in hand is finished or handed back
 */
export async function runWorker(options: WorkerOptions, signal: AbortSignal): Promise<void> {
  const { handle, eventLog, clock, log } = options;
  const group = options.group.name;
  const { concurrency = 100, idleMs = 250, handleTimeoutMs = 30_000, drainMs = 5_000, jitter = spread } = options;
  const inHand = new Set<Promise<void>>();
  const working = new AbortController();
  let wake = () => {};
  let isFailing = false;

  while (!signal.aborted) {
    const deliveries = await read();
    for (const delivery of deliveries) {
      const handling = deliver(delivery).finally(() => {
        inHand.delete(handling);
        wake();
      });
      inHand.add(handling);
    }
    if (deliveries.length === 0 || inHand.size >= concurrency) await rest(isFailing ? AFTER_FAILURE_MS : idleMs);
  }
  const stopped = new Fault('cancelled', 'worker.stopped', 'the worker is stopping');
  const cancel = clock.after(drainMs, () => working.abort(stopped));
  await Promise.all(inHand);
  cancel();

  async function read(): Promise<readonly Delivery[]> {
    if (inHand.size >= concurrency) return [];
    try {
      // Not given up when told to stop: an answer nobody heard would be delivered again only after the lease.
      const free = concurrency - inHand.size;
      const deliveries = await settle((within) => eventLog.read(options.group, free, LEASE_MS, within));
      isFailing = false;
      return deliveries;
    } catch (thrown) {
      if (!signal.aborted && !isFailing)
        log.warn({ group, reason: toFault(thrown).reason }, 'event log cannot be read; asking on');
      isFailing = true;
      return [];
    }
  }

  /** Until something in hand is done, or the time is up, or the worker is to stop. */
  async function rest(forMs: number): Promise<void> {
    const woken = Promise.withResolvers<void>();
    wake = woken.resolve;
    const cancelRest = clock.after(forMs, woken.resolve);
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
    await woken.promise;
    cancelRest();
    signal.removeEventListener('abort', wake);
  }

  async function deliver(delivery: Delivery): Promise<void> {
    try {
      await withDeadline(clock, handleTimeoutMs, 'worker.handler_timeout', working.signal, (within) =>
        handle(delivery.event, within),
      );
      await settle((within) => eventLog.ack(group, delivery.id, within));
    } catch (thrown) {
      await giveBack(delivery, toFault(thrown, 'worker.handler_threw'));
    }
  }

  async function giveBack({ id, event, attempt }: Delivery, fault: Fault): Promise<void> {
    const { kind, reason } = fault;
    const about = { group, callId: event.callId, type: event.type, attempt, kind, reason };
    const step = nextStep(kind, attempt);
    try {
      switch (step.kind) {
        case 'retry':
          log.warn(about, 'event is delivered again');
          await settle((within) => eventLog.retry(group, id, jitter(step.delayMs), within));
          break;
        case 'bury':
          log.error(about, 'event buried as a dead letter');
          await settle((within) => eventLog.bury(group, id, fault, within));
          break;
        case 'letGo':
          // Whoever works on after us need not wait for the lease.
          if (signal.aborted) await settle((within) => eventLog.retry(group, id, 0, within));
          break;
        default:
          step satisfies never;
      }
    } catch (thrown) {
      log.warn({ ...about, cause: toFault(thrown).reason }, 'event log cannot be told; the lease will run out');
    }
  }

  function settle<T>(ask: (within: AbortSignal) => Promise<T>): Promise<T> {
    return withDeadline(clock, SETTLE_TIMEOUT_MS, 'worker.settle_timeout', new AbortController().signal, ask);
  }
}

function spread(delayMs: number): number {
  return delayMs + randomBetween(0, Math.floor(delayMs / 4));
}

import type { CallStore } from '../ports/call-store.ts';
import type { EventLog } from '../ports/event-log.ts';
import { type Clock, sleep } from '../std/clock.ts';
import { toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';

/** An outbox: the call store's, or the records'. */
export type FactSource = Pick<CallStore, 'pendingFacts' | 'forgetFacts'>;

export interface RelayOptions {
  /** Each is moved by itself: one that fails does not hold up the others. */
  readonly sources: readonly FactSource[];
  readonly eventLog: EventLog;
  readonly clock: Clock;
  readonly log: Log;
  /** Facts moved at once. Default 200. */
  readonly batch?: number;
  /** How often an empty outbox is looked at again. Default 200. */
  readonly idleMs?: number;
}

const AFTER_FAILURE_MS = 1_000;

/** Moves facts from the outboxes to the event log until the signal aborts. One relay per outbox, or order is lost. */
export async function runRelay(options: RelayOptions, signal: AbortSignal): Promise<void> {
  await Promise.all(options.sources.map((source) => moveOn(source, options, signal)));
}

/**
 * Moves the oldest facts once. They are published before they are forgotten: a crash in between publishes them
 * again, and the log stores them once.
 *
 * @returns how many were moved
 */
async function moveFacts(source: FactSource, eventLog: EventLog, batch: number, signal: AbortSignal): Promise<number> {
  const pending = await source.pendingFacts(batch, signal);
  if (pending.length === 0) return 0;
  await eventLog.publish(
    pending.map(({ event }) => event),
    signal,
  );
  await source.forgetFacts(
    pending.map(({ position }) => position),
    signal,
  );
  return pending.length;
}

async function moveOn(source: FactSource, options: RelayOptions, signal: AbortSignal): Promise<void> {
  const { eventLog, clock, log, batch = 200, idleMs = 200 } = options;
  let isFailing = false;
  while (!signal.aborted) {
    let waitMs = idleMs;
    try {
      const moved = await moveFacts(source, eventLog, batch, signal);
      isFailing = false;
      if (moved === batch) waitMs = 0;
    } catch (thrown) {
      if (!signal.aborted && !isFailing)
        log.warn({ reason: toFault(thrown).reason }, 'facts cannot be moved; they wait in their outbox');
      isFailing = true;
      waitMs = AFTER_FAILURE_MS;
    }
    // Aborting only ends the wait early: the loop sees it.
    await sleep(clock, waitMs, signal).catch(() => undefined);
  }
}

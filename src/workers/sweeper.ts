import { CALL_TTL_MS } from '../call/live-call.ts';
import { sleep } from '../std/clock.ts';
import { toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { type CloseOptions, closeCall } from './close-call.ts';

export interface SweeperOptions extends CloseOptions {
  readonly log: Log;
  /** Default `CALL_TTL_MS`. */
  readonly ttlMs?: number;
  /** Default 60,000. */
  readonly everyMs?: number;
}

/** Why a call ended whose `call_ended` never came. */
const REASON = 'adrift_too_long';

/** Ends, until the signal aborts, calls adrift beyond their time to live; the first look is taken at once. */
export async function runSweeper(options: SweeperOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, everyMs = 60_000 } = options;
  while (!signal.aborted) {
    try {
      await sweep(options, signal);
    } catch (thrown) {
      if (!signal.aborted) log.warn({ reason: toFault(thrown).reason }, 'calls cannot be swept; trying on');
    }
    // Aborting only ends the wait early: the loop sees it.
    await sleep(clock, everyMs, signal).catch(() => undefined);
  }
}

/** Ends the calls that are past their time now. One that cannot be ended does not keep the others. */
async function sweep(options: SweeperOptions, signal: AbortSignal): Promise<void> {
  const { callStore, clock, log, ttlMs = CALL_TTL_MS } = options;
  for (const { callId, committedAt } of await callStore.list(signal)) {
    if (committedAt > clock.now() - ttlMs) continue;
    try {
      await closeCall(options, callId, REASON, signal);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      log.warn({ callId, reason: toFault(thrown).reason }, 'call adrift cannot be ended; trying on');
    }
  }
}

import type { CallControl } from '../ports/call-control.ts';
import type { DialTerms } from '../ports/dials.ts';
import type { Clock } from '../std/clock.ts';
import { toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { withDeadline } from '../std/signals.ts';

/** What the workspace still has room for, as far as Retell says. */
export interface WorkspaceRoom {
  /** Asks at most once a second. Undefined while Retell does not say. Rejects only when `signal` aborts. */
  read(signal: AbortSignal): Promise<DialTerms['room']>;
}

/** Retell counts calls we know nothing of; what it said is true for a moment only. */
const READ_EVERY_MS = 1_000;
const READ_TIMEOUT_MS = 2_000;
/** A call that was placed may not be counted at once: it is counted here for so long. */
const COUNTED_AFTER_MS = 2_000;

/**
 * Asks Retell what room there is, for all dials of a moment. Retell rejects what it has no room for, so a dial too many
 * is a waste and no harm: unreachable, it is taken to have room.
 */
export function createWorkspaceRoom(
  callControl: Pick<CallControl, 'concurrency'>,
  clock: Clock,
  log: Log,
): WorkspaceRoom {
  let places: number | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let isFailing = false;

  return {
    async read(signal) {
      if (clock.now() - askedAt >= READ_EVERY_MS) {
        reading ??= ask(signal).finally(() => {
          reading = undefined;
        });
      }
      await reading;
      signal.throwIfAborted();
      return places === undefined ? undefined : { places, askedAgoMs: clock.now() - askedAt + COUNTED_AFTER_MS };
    },
  };

  async function ask(signal: AbortSignal): Promise<void> {
    const now = clock.now();
    try {
      const { current, limit } = await withDeadline(
        clock,
        READ_TIMEOUT_MS,
        'retell.concurrency_timeout',
        signal,
        (within) => callControl.concurrency(within),
      );
      places = limit - current;
      isFailing = false;
    } catch (thrown) {
      places = undefined;
      if (!isFailing && !signal.aborted)
        log.warn({ reason: toFault(thrown).reason }, 'room at Retell is not known; dialling on');
      isFailing = true;
    }
    askedAt = now;
  }
}

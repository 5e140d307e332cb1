import type { CallControl } from '../ports/call-control.ts';
import type { Clock } from '../std/clock.ts';
import { toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { withDeadline } from '../std/signals.ts';

/** What the workspace still has room for, as far as Retell says. */
export interface WorkspaceRoom {
  /** Takes a place; false when there is none. Never rejects: what cannot be asked stops nobody. */
  take(signal: AbortSignal): Promise<boolean>;
  /** A place taken was not used. */
  giveBack(): void;
}

/** Retell counts calls we know nothing of; what it said is true for a moment only. */
const READ_EVERY_MS = 1_000;
const READ_TIMEOUT_MS = 2_000;

/**
 * Counts down from what Retell said last, and asks again after a second. Retell rejects what it has no room for, so a
 * dial too many is a waste and no harm: unreachable, it is taken to have room.
 */
export function createWorkspaceRoom(
  callControl: Pick<CallControl, 'concurrency'>,
  clock: Clock,
  log: Log,
): WorkspaceRoom {
  let room = Number.POSITIVE_INFINITY;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let isFailing = false;

  return {
    async take(signal) {
      if (clock.now() - readAt >= READ_EVERY_MS) {
        reading ??= read(signal).finally(() => {
          reading = undefined;
        });
        await reading;
      }
      if (room < 1) return false;
      room -= 1;
      return true;
    },
    giveBack() {
      room += 1;
    },
  };

  async function read(signal: AbortSignal): Promise<void> {
    try {
      const { current, limit } = await withDeadline(
        clock,
        READ_TIMEOUT_MS,
        'retell.concurrency_timeout',
        signal,
        (within) => callControl.concurrency(within),
      );
      room = limit - current;
      isFailing = false;
    } catch (thrown) {
      room = Number.POSITIVE_INFINITY;
      if (!isFailing) log.warn({ reason: toFault(thrown).reason }, 'room at Retell is not known; dialling on');
      isFailing = true;
    }
    readAt = clock.now();
  }
}

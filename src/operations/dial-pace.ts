import { type Clock, sleep } from '../std/clock.ts';

/** Lets dials through one by one, evenly spread. */
export interface DialPace {
  /** Waits for the next turn; false at once when it comes later than `patienceMs` from now. */
  turn(patienceMs: number, signal: AbortSignal): Promise<boolean>;
}

/** Paces the dials of one process to so many per second. */
export function createDialPace(perSecond: number, clock: Clock): DialPace {
  const spacingMs = 1_000 / perSecond;
  let nextAt = Number.NEGATIVE_INFINITY;
  return {
    async turn(patienceMs, signal) {
      const now = clock.now();
      const at = Math.max(now, nextAt);
      if (at - now > patienceMs) return false;
      nextAt = at + spacingMs;
      if (at > now) await sleep(clock, at - now, signal);
      return true;
    },
  };
}

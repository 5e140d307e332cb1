import type { SharedLeases } from '../ports/leases.ts';
import type { Clock } from '../std/clock.ts';

/** The keeper's time stands still when nobody has been there for so long. */
const STILL_AFTER_MS = 2_500;

export interface SharedSlots {
  readonly leases: SharedLeases;
  /** Everybody with a slot, for tests to look at. */
  holders(): readonly string[];
  /** Loses everything, as a restart with an empty disk does. */
  lose(): void;
}

/** Leases that several processes share, in memory. Only while somebody says that he is there does their time run. */
export function sharedSlots(clock: Clock): SharedSlots {
  const expiries = new Map<string, number>();
  let heardAt = clock.now();
  let stoodStillMs = 0;

  const now = () => Math.min(clock.now(), heardAt + STILL_AFTER_MS) - stoodStillMs;
  const expire = () => {
    for (const [holder, at] of expiries) if (at <= now()) expiries.delete(holder);
  };
  const hold = (holder: string, ttlMs: number) => void expiries.set(holder, now() + ttlMs);
  const extend = (holder: string, ttlMs: number) =>
    void expiries.set(holder, Math.max(expiries.get(holder) ?? 0, now() + ttlMs));

  return {
    leases: {
      async beat(signal) {
        signal.throwIfAborted();
        stoodStillMs += Math.max(0, clock.now() - heardAt - STILL_AFTER_MS);
        heardAt = clock.now();
      },
      async acquire(holder, limit, ttlMs, signal) {
        signal.throwIfAborted();
        expire();
        if (!expiries.has(holder) && expiries.size >= limit) return 'full';
        hold(holder, ttlMs);
        return 'held';
      },
      async adopt(holder, ttlMs, signal) {
        signal.throwIfAborted();
        extend(holder, ttlMs);
      },
      async leave(holder, ttlMs, signal) {
        signal.throwIfAborted();
        expire();
        if (expiries.has(holder)) extend(holder, ttlMs);
      },
      async rename(from, to, ttlMs, signal) {
        signal.throwIfAborted();
        expire();
        if (!expiries.delete(from)) return false;
        extend(to, ttlMs);
        return true;
      },
      async release(holder, signal) {
        signal.throwIfAborted();
        expiries.delete(holder);
      },
      async count(signal) {
        signal.throwIfAborted();
        expire();
        return expiries.size;
      },
    },
    holders() {
      expire();
      return [...expiries.keys()].sort();
    },
    lose: () => expiries.clear(),
  };
}

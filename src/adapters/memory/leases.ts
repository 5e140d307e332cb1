import type { Leases } from '../../ports/leases.ts';
import type { Clock } from '../../std/clock.ts';

export interface MemoryLeases extends Leases {
  /** Everybody with a slot, for tests to look at. */
  holders(): readonly string[];
}

/** Leases of one process. Exact, because nothing is awaited between the check and the take. */
export function memoryLeases(clock: Pick<Clock, 'now'>): MemoryLeases {
  const expiries = new Map<string, number>();

  const expire = () => {
    const now = clock.now();
    for (const [holder, at] of expiries) if (at <= now) expiries.delete(holder);
  };
  const hold = (holder: string, ttlMs: number) => expiries.set(holder, clock.now() + ttlMs);
  const extend = (holder: string, ttlMs: number) =>
    expiries.set(holder, Math.max(expiries.get(holder) ?? 0, clock.now() + ttlMs));

  return {
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
    holders() {
      expire();
      return [...expiries.keys()].sort();
    },
  };
}

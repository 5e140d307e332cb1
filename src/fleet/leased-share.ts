import type { Leases } from '../ports/leases.ts';
import { type Dependency, isAway } from '../resilience/dependency.ts';
import type { Clock } from '../std/clock.ts';
import { toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';

/** Leases that several processes share. */
export interface SharedLeases extends Leases {
  /** Says that somebody is there: while nobody does, nothing can be renewed, and so no lease expires. */
  beat(signal: AbortSignal): Promise<void>;
}

export interface LeasedShare extends Leases {
  /** Stops; what was not told to the others in time expires there. */
  close(): Promise<void>;
}

/** What the others are to be told when they can be reached again. */
type Untold = { readonly kind: 'adopt'; readonly from?: string } | { readonly kind: 'release' };

/** A slot that this process holds, and until when it certainly does. */
interface Slot {
  readonly leasedUntil: number;
}

const BEAT_EVERY_MS = 1_000;
/** As long as a live call's own renewals make it. */
const LEASE_MS = 15_000;

/**
 * Leases that go on while their keeper is away: calls in progress keep their slots, and a new call is let into a slot
 * that this process had leased before and that became free since, for as long as that lease runs. So the fleet never
 * has more calls than slots, and whoever finds none hears the busy line. What was changed meanwhile is told within
 * seconds of the keeper's return.
 */
export function shareLeases(leases: SharedLeases, dependency: Dependency, clock: Clock, log: Log): LeasedShare {
  const lifetime = new AbortController();
  const own = new Map<string, Slot>();
  /** Leased under this name, by somebody who needs it no more. */
  const spare = new Map<string, Slot>();
  const untold = new Map<string, Untold>();
  let lastCount = 0;
  let telling: Promise<void> | undefined;
  const stop = clock.every(BEAT_EVERY_MS, () => void tell());

  return {
    async acquire(holder, limit, ttlMs, signal) {
      const leasedUntil = clock.now() + ttlMs;
      try {
        await settleFirst(signal);
        const answer = await dependency.run((within) => leases.acquire(holder, limit, ttlMs, within), signal);
        if (answer === 'held') own.set(holder, { leasedUntil });
        return answer;
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
        return acquireHere(holder);
      }
    },

    async adopt(holder, ttlMs, signal) {
      const leasedUntil = clock.now() + ttlMs;
      try {
        await dependency.run((within) => leases.adopt(holder, ttlMs, within), signal);
        own.set(holder, { leasedUntil });
        untold.delete(holder);
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
        own.set(holder, own.get(holder) ?? { leasedUntil: 0 });
        if (!untold.has(holder)) untold.set(holder, { kind: 'adopt' });
      }
    },

    async rename(from, to, ttlMs, signal) {
      const leasedUntil = clock.now() + ttlMs;
      try {
        const isRenamed = await dependency.run((within) => leases.rename(from, to, ttlMs, within), signal);
        own.delete(from);
        if (isRenamed) own.set(to, { leasedUntil });
        return isRenamed;
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
        const slot = own.get(from);
        if (!slot) return false;
        own.delete(from);
        own.set(to, slot);
        untold.set(to, { kind: 'adopt', from });
        return true;
      }
    },

    async release(holder, signal) {
      const slot = own.get(holder);
      own.delete(holder);
      try {
        await dependency.run((within) => leases.release(holder, within), signal);
        untold.delete(holder);
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
        const before = untold.get(holder);
        const name = before?.kind === 'adopt' ? (before.from ?? holder) : holder;
        untold.delete(holder);
        untold.set(name, { kind: 'release' });
        if (slot) spare.set(name, slot);
      }
    },

    async count(signal) {
      try {
        lastCount = await dependency.run((within) => leases.count(within), signal);
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
      }
      return Math.max(lastCount, own.size);
    },

    async close() {
      stop();
      await tell();
      lifetime.abort();
    },
  };

  /** Whoever asks for a slot must not be told of one that this process has yet to claim. */
  async function settleFirst(signal: AbortSignal): Promise<void> {
    if (untold.size > 0) await dependency.run(() => tellAll(), signal);
  }

  function acquireHere(holder: string): 'held' | 'full' {
    if (own.has(holder)) return 'held';
    const now = clock.now();
    for (const [name, slot] of spare) {
      spare.delete(name);
      if (slot.leasedUntil <= now) continue;
      own.set(holder, slot);
      untold.delete(name);
      untold.set(holder, { kind: 'adopt', from: name });
      return 'held';
    }
    // The question may have arrived though its answer did not.
    untold.set(holder, { kind: 'release' });
    return 'full';
  }

  /** Says that this process is there, and what it could not tell before. One at a time; never rejects. */
  function tell(): Promise<void> {
    telling ??= beat().finally(() => {
      telling = undefined;
    });
    return telling;
  }

  async function beat(): Promise<void> {
    try {
      await dependency.run((within) => leases.beat(within), lifetime.signal);
      await tellAll();
      const now = clock.now();
      for (const [holder, { leasedUntil }] of own) if (leasedUntil <= now) own.delete(holder);
    } catch (thrown) {
      log.debug({ reason: toFault(thrown).reason }, 'the keeper of the leases is away; slots go on here');
    }
  }

  async function tellAll(): Promise<void> {
    const told = [...untold];
    await Promise.all(
      told.map(async ([holder, change]) => {
        await dependency.run((within) => tellOne(holder, change, within), lifetime.signal);
        if (untold.get(holder) === change) untold.delete(holder);
      }),
    );
    spare.clear();
  }

  async function tellOne(holder: string, change: Untold, signal: AbortSignal): Promise<void> {
    if (change.kind === 'release') return leases.release(holder, signal);
    const leasedUntil = clock.now() + LEASE_MS;
    const isMoved = change.from !== undefined && (await leases.rename(change.from, holder, LEASE_MS, signal));
    if (!isMoved) await leases.adopt(holder, LEASE_MS, signal);
    if (own.has(holder)) own.set(holder, { leasedUntil });
  }
}

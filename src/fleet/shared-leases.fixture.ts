import { memoryLeases } from '../adapters/memory/leases.ts';
import type { SharedLeases } from '../ports/leases.ts';
import type { Clock } from '../std/clock.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { type Away, awayAtWill, redisOf } from './away.fixture.ts';
import { type LeasedShare, shareLeases } from './leased-share.ts';

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
  let heardAt = clock.now();
  let stoodStillMs = 0;
  const now = () => Math.min(clock.now(), heardAt + STILL_AFTER_MS) - stoodStillMs;
  let kept = memoryLeases({ now });

  return {
    leases: {
      async beat(signal) {
        signal.throwIfAborted();
        stoodStillMs += Math.max(0, clock.now() - heardAt - STILL_AFTER_MS);
        heardAt = clock.now();
      },
      acquire: (...asked) => kept.acquire(...asked),
      adopt: (...asked) => kept.adopt(...asked),
      leave: (...asked) => kept.leave(...asked),
      rename: (...asked) => kept.rename(...asked),
      release: (...asked) => kept.release(...asked),
      count: (signal) => kept.count(signal),
    },
    holders: () => kept.holders(),
    lose() {
      kept = memoryLeases({ now });
    },
  };
}

/** A share of slots whose keeper can be away, and another process's over the same. */
export interface ShareRig {
  readonly clock: ManualClock;
  readonly slots: SharedSlots;
  readonly away: Away<SharedLeases>;
  readonly share: LeasedShare;
  readonly others: LeasedShare;
}

export function shareRig(): ShareRig {
  const clock = new ManualClock();
  const slots = sharedSlots(clock);
  const away = awayAtWill(slots.leases, clock);
  const shareOf = (leases: SharedLeases) => shareLeases(leases, redisOf(clock), clock, silentLog);
  return { clock, slots, away, share: shareOf(away.port), others: shareOf(slots.leases) };
}

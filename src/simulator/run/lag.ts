import type { Clock } from '../../std/clock.ts';
import { type Distribution, distributionOf } from './statistics.ts';

/** How late this process runs its own timers: what a verdict about 50 ms must allow for. */
interface LagWatch {
  /** The worst lag seen since `atMs` (Clock.now()), the running delay included. */
  worstSinceMs(atMs: number): number;
  summary(): Distribution;
  stop(): void;
}

const EVERY_MS = 20;
/** Ten seconds of samples: more than any grace that is asked for. */
const RECENT_SAMPLES = 500;
/** An hour of samples for the summary; beyond it the oldest stay. */
const MAX_SAMPLES = 180_000;

/** Measures the event loop by how late a timer of 20 ms fires. */
export function watchLag(clock: Clock): LagWatch {
  const all: number[] = [];
  const recent: { readonly at: number; readonly lagMs: number }[] = [];
  let dueAt = clock.now() + EVERY_MS;
  let cancel = () => {};
  const arm = () => {
    dueAt = clock.now() + EVERY_MS;
    cancel = clock.after(EVERY_MS, () => {
      const at = clock.now();
      const lagMs = Math.max(0, at - dueAt);
      recent.push({ at, lagMs });
      if (recent.length > RECENT_SAMPLES) recent.shift();
      if (all.length < MAX_SAMPLES) all.push(lagMs);
      arm();
    });
  };
  arm();
  return {
    worstSinceMs(atMs) {
      let worst = Math.max(0, clock.now() - dueAt);
      for (let i = recent.length - 1; i >= 0; i--) {
        const sample = recent[i];
        if (!sample || sample.at < atMs) break;
        worst = Math.max(worst, sample.lagMs);
      }
      return worst;
    },
    summary: () => distributionOf(all),
    stop: () => cancel(),
  };
}

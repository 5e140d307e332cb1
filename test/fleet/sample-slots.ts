import { sleep, systemClock } from '../../src/std/clock.ts';
import type { Fleet } from './fleet.ts';
import type { SlotSample } from './history.ts';

const SAMPLE_EVERY_MS = 250;

/** A look at the slots of a fleet every quarter of a second. */
export interface Sampling {
  readonly samples: readonly SlotSample[];
  stop(): void;
  /** Waits until no slot is taken, or the time is up. */
  untilFree(withinMs: number, signal: AbortSignal): Promise<void>;
}

/** Asks the replicas in turn how many slots are taken; one that is away says nothing. */
export function sampleSlots(fleet: Fleet): Sampling {
  const samples: SlotSample[] = [];
  let turn = 0;
  const sample = async () => {
    const replica = fleet.replicas[turn++ % fleet.replicas.length];
    try {
      const response = await fetch(`${replica?.adminUrl}/api/v1/status`, { signal: AbortSignal.timeout(1_000) });
      const status: unknown = await response.json();
      if (typeof status !== 'object' || status === null || !('active' in status)) return;
      samples.push({ at: systemClock.now(), active: Number(status.active) });
    } catch {
      // it is just being killed, or started
    }
  };
  const stop = systemClock.every(SAMPLE_EVERY_MS, () => void sample());
  return {
    samples,
    stop,
    async untilFree(withinMs: number, signal: AbortSignal) {
      const deadline = systemClock.now() + withinMs;
      while (samples.at(-1)?.active !== 0 && systemClock.now() < deadline) {
        await sleep(systemClock, SAMPLE_EVERY_MS, signal);
      }
    },
  };
}

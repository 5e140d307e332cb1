import type { LoadOrder } from './load-order.ts';

/** When a frame is to leave. */
export interface Moment {
  readonly atMs: number;
  readonly index: number;
  readonly turn: number;
  /** Undefined: the ask. */
  readonly update: number | undefined;
}

/**
 * Six updates lie between two asks, two while the agent speaks. Calls are met at moments evenly spread over a period, so
 * that the load is the same from the first second to the last.
 */
const UPDATES_AT = [0.15, 0.35, 0.55, 0.7, 0.82, 0.95];

/** Every frame of an open loop, in the order of their times. */
export function momentsOf({ calls, turns }: LoadOrder, everyMs: number): readonly Moment[] {
  const moments: Moment[] = [];
  for (let index = 0; index < calls; index++) {
    // Neighbours in time are not neighbours in age.
    const offsetMs = (((index * 7_919) % calls) / calls) * everyMs;
    for (let turn = 0; turn < turns; turn++) {
      const startMs = turn * everyMs - offsetMs;
      for (const [update, part] of UPDATES_AT.entries()) {
        const atMs = startMs + part * everyMs;
        if (atMs >= 0) moments.push({ atMs, index, turn, update });
      }
      moments.push({ atMs: startMs + everyMs, index, turn, update: undefined });
    }
  }
  return moments.sort((a, b) => a.atMs - b.atMs);
}

import type { OperationContext } from './context.ts';
import type { DialQueue } from './dial-queue.ts';

/** Milliseconds; undefined before there is a sample. */
export interface Percentiles {
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

/** How turns went lately; `observe/meter.ts` keeps them. Shares are 0 to 1, 0 before there is a turn. */
export interface TurnFigures {
  /** Turns the percentiles and shares are taken over: the newest ones. */
  readonly turns: number;
  readonly firstSentenceMs: Percentiles;
  readonly answerMs: Percentiles;
  /** Answers slower than the budget of their turn. */
  readonly slowShare: number;
  /** Answers slower than 500 ms, whatever the budget. */
  readonly over500Share: number;
  readonly fillerShare: number;
  readonly fallbackShare: number;
  /** Since the start: turns that left their caller in silence for more than 1.0 s, and the worst excess. */
  readonly deadAir: { readonly count: number; readonly worstMs: number };
  /** Callers turned away since the start. */
  readonly refused: number;
}

export interface Status extends TurnFigures {
  /** Slots held, adrift calls and dials included. */
  readonly active: number;
  readonly capacity: number;
  /** `active` of `capacity`; above 1 when live calls redialled into a full house. */
  readonly utilization: number;
  readonly queued: number;
}

/** How full the house is, and how its callers are served. */
export async function readStatus(
  context: Pick<OperationContext, 'leases' | 'maxCalls'>,
  queue: Pick<DialQueue, 'waiting'>,
  figures: () => TurnFigures,
  signal: AbortSignal,
): Promise<Status> {
  const active = await context.leases.count(signal);
  const { maxCalls: capacity } = context;
  return { active, capacity, utilization: active / capacity, queued: queue.waiting, ...figures() };
}

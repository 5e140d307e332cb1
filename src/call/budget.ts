/**
 * How long a turn has, in milliseconds from its ask. The latency budget (`answerMs`) is an objective: a turn
 * over it counts as slow. The others are rules: at each of them the caller hears something.
 */
export interface Budget {
  /** The objective for the answer: 800 in `single`, 500 and 300 in the other variants. */
  readonly answerMs: number;
  /** Silent this long: a filler sentence. Below 1,000 by the time a sentence takes to leave. */
  readonly fillerMs: number;
  /** Silent this long: a second draft races the first; earlier where the model's own times say that it pays. */
  readonly secondMs: number;
  /** Never race a second draft before this, however fast the model usually is. */
  readonly secondFloorMs: number;
  /** Still only fillers: another one. */
  readonly fillerAgainMs: number;
  /** Still no answer: the fallback line and its action. */
  readonly finalMs: number;
  /** A turn in which tools speak progress may last this long; then it is closed. */
  readonly limitMs: number;
}

/** Defaults from the table of guarantees, for `single`. */
export const DEFAULT_BUDGET: Budget = {
  answerMs: 800,
  fillerMs: 700,
  secondMs: 2_000,
  secondFloorMs: 600,
  fillerAgainMs: 4_000,
  finalMs: 6_000,
  limitMs: 30_000,
};

/** Silence beyond this, with neither filler nor answer, is dead air. */
export const DEAD_AIR_AFTER_MS = 1_000;

/** A turn slower than this is counted apart, whatever the variant's objective. */
export const SLOW_REFERENCE_MS = 500;

/** When a second draft should start, given the model's hedging delay, where it has one. */
export function secondAfterMs(budget: Budget, hedgingDelayMs: number | undefined): number {
  if (hedgingDelayMs === undefined) return budget.secondMs;
  return Math.min(budget.secondMs, Math.max(budget.secondFloorMs, hedgingDelayMs));
}

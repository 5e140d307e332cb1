export interface RetryBudget {
  /** Call on every first attempt. */
  deposit(): void;
  /** Whether a second attempt may be made; when it may, it has been paid for. */
  tryWithdraw(): boolean;
}

/** Second attempts that may be made in a row from a full budget. */
const CAPACITY = 10;
/** First attempts that pay for one second attempt: 10 % in the long run. Whole numbers, so nothing drifts. */
const DEPOSITS_PER_RETRY = 10;

/**
 * Limits second attempts to 10 % of first ones, so that an outage is not answered with twice the load
 * (Google SRE, "Handling Overload"). Starts full.
 */
export function createRetryBudget(): RetryBudget {
  let tenths = CAPACITY * DEPOSITS_PER_RETRY;
  return {
    deposit() {
      tenths = Math.min(CAPACITY * DEPOSITS_PER_RETRY, tenths + 1);
    },
    tryWithdraw() {
      if (tenths < DEPOSITS_PER_RETRY) return false;
      tenths -= DEPOSITS_PER_RETRY;
      return true;
    },
  };
}

/** Opens after this many failures with no success between them. */
const FAILURES_IN_A_ROW = 5;
/** Or when at least this share of at least this many runs of the last window failed. */
const FAILURE_RATIO = 0.5;
const MINIMUM_RUNS = 10;
const WINDOW_MS = 10_000;

/**
 * Remembers how recent runs went and says when there were too many failures. Borrowed thresholds want about a
 * hundred calls per window and never open at voice volume; these open after seconds of a real outage.
 */
export class FailureWindow {
  readonly #runs: { readonly at: number; readonly isFailure: boolean }[] = [];
  #failures = 0;
  #inARow = 0;

  /** @returns whether the breaker should open now */
  record(at: number, isFailure: boolean): boolean {
    this.#runs.push({ at, isFailure });
    if (isFailure) this.#failures++;
    this.#inARow = isFailure ? this.#inARow + 1 : 0;
    for (let oldest = this.#runs[0]; oldest && oldest.at <= at - WINDOW_MS; oldest = this.#runs[0]) {
      this.#runs.shift();
      if (oldest.isFailure) this.#failures--;
    }
    if (!isFailure) return false;
    if (this.#inARow >= FAILURES_IN_A_ROW) return true;
    return this.#runs.length >= MINIMUM_RUNS && this.#failures >= this.#runs.length * FAILURE_RATIO;
  }

  clear(): void {
    this.#runs.length = 0;
    this.#failures = 0;
    this.#inARow = 0;
  }
}

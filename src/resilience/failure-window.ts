/** Opens after this many failures with no success between them, however long they took. */
const FAILURES_IN_A_ROW = 5;
/** Or when at least this share of at least this many runs of the last window failed. */
const FAILURE_RATIO = 0.5;
const MINIMUM_RUNS = 10;
const WINDOW_MS = 10_000;

interface Run {
  readonly at: number;
  isFailure: boolean;
}

/**
 * Remembers how recent runs went and says when there were too many failures. Borrowed thresholds want about a
 * hundred calls per window and never open at voice volume; these open after seconds of a real outage.
 */
export class FailureWindow {
  /** The runs of the window, and never fewer than the last few: those in a row may lie further apart. */
  readonly #runs: Run[] = [];

  recordSuccess(at: number): void {
    this.#add({ at, isFailure: false });
  }

  /** @returns whether the breaker should open now */
  recordFailure(at: number): boolean {
    this.#add({ at, isFailure: true });
    return this.#isTooMuch(at);
  }

  /**
   * The newest success was none after all. With several runs at once it may be another one's: what counts is how many.
   *
   * @returns whether the breaker should open now
   */
  takeBackSuccess(at: number): boolean {
    const run = this.#runs.findLast((candidate) => !candidate.isFailure);
    if (!run) return this.recordFailure(at);
    run.isFailure = true;
    return this.#isTooMuch(at);
  }

  clear(): void {
    this.#runs.length = 0;
  }

  #add(run: Run): void {
    this.#runs.push(run);
    while (this.#runs.length > FAILURES_IN_A_ROW && (this.#runs[0]?.at ?? run.at) <= run.at - WINDOW_MS)
      this.#runs.shift();
  }

  #isTooMuch(at: number): boolean {
    const last = this.#runs.slice(-FAILURES_IN_A_ROW);
    if (last.length === FAILURES_IN_A_ROW && last.every((run) => run.isFailure)) return true;
    const recent = this.#runs.filter((run) => run.at > at - WINDOW_MS);
    const failures = recent.filter((run) => run.isFailure).length;
    return recent.length >= MINIMUM_RUNS && failures >= recent.length * FAILURE_RATIO;
  }
}

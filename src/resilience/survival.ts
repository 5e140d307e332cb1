/** One step of a survival curve. */
export interface SurvivalStep {
  readonly atMs: number;
  /** Part of all waits, from 0 to 1, that last longer than `atMs`. */
  readonly share: number;
  /** Waits that had ended by `atMs`. */
  readonly ended: number;
  /** Waits that were still watched after `atMs`: what is known beyond it rests on these. */
  readonly watched: number;
}

/**
 * Estimates how long waits last from some that ended and some that were given up, of which only "longer than that" is
 * known. Leaving those out would make every wait look shorter the sooner the long ones are given up.
 *
 * @param ended    times at which what was waited for came, in milliseconds, in any order
 * @param givenUp  times at which nobody waited any longer; one given up at the moment another ended was longer
 * @returns a step for each of the times, ascending; flat between them and beyond the last
 * @source Kaplan and Meier, "Nonparametric Estimation from Incomplete Observations", 1958
 */
export function survivalOf(ended: ArrayLike<number>, givenUp: ArrayLike<number>): readonly SurvivalStep[] {
  const ends = Float64Array.from(ended).sort();
  const gaps = Float64Array.from(givenUp).sort();
  const steps: SurvivalStep[] = [];
  let share = 1;
  for (let end = 0, gap = 0; end < ends.length || gap < gaps.length; ) {
    const atMs = Math.min(ends[end] ?? Number.POSITIVE_INFINITY, gaps[gap] ?? Number.POSITIVE_INFINITY);
    const before = ends.length - end + gaps.length - gap;
    const first = end;
    while (ends[end] === atMs) end++;
    while (gaps[gap] === atMs) gap++;
    share *= 1 - (end - first) / before;
    steps.push({ atMs, share, ended: end, watched: ends.length - end + gaps.length - gap });
  }
  return steps;
}

/** The last step at or before `atMs`; undefined before the first. */
export function stepAt(steps: readonly SurvivalStep[], atMs: number): SurvivalStep | undefined {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((steps[middle]?.atMs ?? 0) <= atMs) low = middle + 1;
    else high = middle;
  }
  return steps[low - 1];
}

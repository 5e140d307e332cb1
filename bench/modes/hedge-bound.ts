import type { Spread } from '../silence.ts';

/** The normal distribution's 99th percentile. */
const Z99 = 2.3263;

/** The model's own p99 while nothing stalls. */
export function healthyP99Ms({ medianMs, sigma }: Pick<Spread, 'medianMs' | 'sigma'>): number {
  return medianMs * Math.exp(Z99 * sigma);
}

/**
 * The least p99 of the answer, in healthy ones, that second tries can give: every delay is tried, a second one costs a
 * request wherever the first is silent until then, and stalls no less often. Choosing the delay by lot, or a third try
 * too, changes it by less than 0.01 in both tails of `hedge`.
 *
 * @param moreRequests what may be spent, as a part of the first tries
 */
export function leastP99Ratio(spread: Spread, moreRequests: number): number {
  const healthyMs = healthyP99Ms(spread);
  let leastMs = spread.stallMs;
  for (let delayMs = 1; delayMs < spread.stallMs; delayMs++) {
    if (silent(spread, delayMs) > moreRequests) continue;
    const isLate = (ms: number) => silent(spread, ms) * silent(spread, ms - delayMs) > 0.01;
    leastMs = Math.min(leastMs, firstMsNot(isLate, leastMs));
  }
  return leastMs / healthyMs;
}

/** The part of tries that is still silent after so long. */
function silent({ medianMs, sigma, stallRatio, stallMs }: Spread, ms: number): number {
  if (ms <= 0) return 1;
  if (ms >= stallMs) return 0;
  return stallRatio + (1 - stallRatio) * normalBeyond(Math.log(ms / medianMs) / sigma);
}

/** The least time below `high` at which `isLate`, which holds for all that are earlier, does not. */
function firstMsNot(isLate: (ms: number) => boolean, high: number): number {
  let [low, not] = [0, high];
  while (not - low > 0.1) {
    const middle = (low + not) / 2;
    if (isLate(middle)) low = middle;
    else not = middle;
  }
  return not;
}

/** Part of a normal distribution beyond `z`, to 1e-7 (Abramowitz and Stegun 26.2.17). */
function normalBeyond(z: number): number {
  if (z < 0) return 1 - normalBeyond(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}

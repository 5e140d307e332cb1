/** How a model's times to the first token are spread: log-normal, and a part of its requests stalls. */
export interface Spread {
  /** 0 answers at once. */
  readonly medianMs: number;
  readonly sigma: number;
  /** This part of the requests, from 0 to 1, says nothing for `stallMs`. */
  readonly stallRatio: number;
  readonly stallMs: number;
}

/** How long a request is silent. */
export function silenceMs(spread: Spread, random: () => number): number {
  return random() < spread.stallRatio ? spread.stallMs : thinkingMs(spread, random);
}

/** How long one that does not stall is silent. */
export function thinkingMs({ medianMs, sigma }: Pick<Spread, 'medianMs' | 'sigma'>, random: () => number): number {
  return medianMs * Math.exp(sigma * normal(random));
}

/** A draw from the standard normal distribution (Box and Muller's). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

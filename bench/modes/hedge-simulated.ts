import { DEFAULT_BUDGET, secondAfterMs } from '../../src/call/budget.ts';
import { createHedge } from '../../src/resilience/hedge.ts';
import { createRetryBudget } from '../../src/resilience/retry-budget.ts';
import { seededRandom } from '../../src/std/random.ts';
import { percentilesOf } from '../mode.ts';
import { normal } from '../normal.ts';
import type { Spread } from './hedge-bound.ts';

/** What is played: turns that count come at this pace, after some that teach the hedge. */
export interface SimulatedLoad {
  readonly warmUp: number;
  readonly turns: number;
  readonly everyMs: number;
}

const RUNS = 100;

/**
 * p99 of the answer over that of the same model when nothing stalls, in a hundred runs, ascending: our own hedge and
 * retry budget, without a server around them. A single run's figure rests on fifty turns; this is how far it strays.
 */
export function simulatedRatios(spread: Spread, load: SimulatedLoad, seed: number): readonly number[] {
  const ratios = Array.from({ length: RUNS }, (_, run) => {
    const healthyMs = p99Of({ ...spread, stallRatio: 0 }, load, seed + run);
    return p99Of(spread, load, seed + RUNS + run) / healthyMs;
  });
  return ratios.sort((a, b) => a - b);
}

/** One run: what is due first is done first, as a server would. */
function p99Of(spread: Spread, { warmUp, turns, everyMs }: SimulatedLoad, seed: number): number {
  const random = seededRandom(seed);
  const silence = () => {
    if (random() < spread.stallRatio) return spread.stallMs;
    return spread.medianMs * Math.exp(spread.sigma * normal(random));
  };
  const hedge = createHedge();
  const retries = createRetryBudget();
  const due = new Agenda();
  const answers: number[] = [];

  const play = (nth: number) => {
    const at = nth * everyMs;
    const firstMs = silence();
    const secondMs = secondAfterMs(DEFAULT_BUDGET, hedge.delayMs());
    retries.deposit();
    const answered = (afterMs: number) => {
      due.add(at + afterMs, () => {
        if (firstMs <= afterMs) hedge.ended(firstMs);
        else hedge.givenUp(afterMs);
        if (nth >= warmUp) answers.push(afterMs < DEFAULT_BUDGET.finalMs ? afterMs : Number.POSITIVE_INFINITY);
      });
    };
    if (firstMs <= secondMs) return answered(firstMs);
    due.add(at + secondMs, () => {
      const raced = retries.tryWithdraw() ? secondMs + silence() : Number.POSITIVE_INFINITY;
      answered(Math.min(firstMs, raced, DEFAULT_BUDGET.finalMs));
    });
  };

  for (let nth = 0; nth < warmUp + turns; nth++) {
    due.doUntil(nth * everyMs);
    play(nth);
  }
  due.doUntil(Number.POSITIVE_INFINITY);
  return percentilesOf(answers).p99;
}

/** What is to be done, and when. */
class Agenda {
  /** Latest first. */
  readonly #entries: { readonly at: number; readonly run: () => void }[] = [];

  add(at: number, run: () => void): void {
    let place = this.#entries.length;
    while (place > 0 && (this.#entries[place - 1]?.at ?? 0) < at) place--;
    this.#entries.splice(place, 0, { at, run });
  }

  doUntil(time: number): void {
    for (let next = this.#entries.at(-1); next && next.at <= time; next = this.#entries.at(-1)) {
      this.#entries.pop();
      next.run();
    }
  }
}

import { DEFAULT_BUDGET, secondAfterMs } from '../../src/call/budget.ts';
import { createHedge } from '../../src/resilience/hedge.ts';
import { createRetryBudget } from '../../src/resilience/retry-budget.ts';
import { seededRandom } from '../../src/std/random.ts';
import { median, percentilesOf } from '../mode.ts';
import { type Spread, silenceMs } from '../silence.ts';

/** `warmUp` turns that teach the hedge, then `turns` that count, one every `everyMs`. */
export interface SimulatedLoad {
  readonly warmUp: number;
  readonly turns: number;
  readonly everyMs: number;
}

const RUNS = 100;

/**
 * p99 of the answer over that of the same model when nothing stalls, by our own hedge and retry budget without a server
 * around them: the middle of a hundred runs, and what one in ten of them exceeds, which is how far a single one strays.
 */
export function simulatedRatio(spread: Spread, load: SimulatedLoad, seed: number) {
  const ratios = Array.from({ length: RUNS }, (_, run) => {
    const healthyMs = p99Of({ ...spread, stallRatio: 0 }, load, seed + run);
    return p99Of(spread, load, seed + RUNS + run) / healthyMs;
  });
  ratios.sort((a, b) => a - b);
  return { middle: median(ratios), exceededByTenth: ratios[Math.floor(RUNS * 0.9) - 1] ?? Number.NaN };
}

/** Milliseconds, of one run: what is due first is done first, as a server would. */
function p99Of(spread: Spread, { warmUp, turns, everyMs }: SimulatedLoad, seed: number): number {
  const random = seededRandom(seed);
  const silence = () => silenceMs(spread, random);
  const hedge = createHedge();
  const retries = createRetryBudget();
  const due = createAgenda();
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
function createAgenda() {
  /** Latest first. */
  const entries: { readonly at: number; readonly run: () => void }[] = [];
  return {
    add(at: number, run: () => void): void {
      let place = entries.length;
      while (place > 0 && (entries[place - 1]?.at ?? 0) < at) place--;
      entries.splice(place, 0, { at, run });
    },
    doUntil(time: number): void {
      for (let next = entries.at(-1); next && next.at <= time; next = entries.at(-1)) {
        entries.pop();
        next.run();
      }
    },
  };
}

import { type SurvivalStep, stepAt, survivalOf } from './survival.ts';

/** When a second try should race a first one that is silent, learnt from the first tries themselves. */
export interface Hedge {
  /** A first try was silent for so long, until its first words came. */
  ended(silentMs: number): void;
  /** A first try was still silent when it was given up, whoever gave it up and why. */
  givenUp(silentMs: number): void;
  /** The hedging delay: silent this long, a first try is worth a second one. Undefined when none is, and before twenty. */
  delayMs(): number | undefined;
}

/**
 * Second tries may be a tenth of first ones (`createRetryBudget`). Where all of it is planned for, chance leaves it empty
 * for one second try in thirty, by simulation; at 0.094 for one in a hundred.
 */
const AIM = 0.094;
/** Enough that the share of slow ones is known to a tenth of itself; at ten calls at once, the last ten minutes. */
const KEPT = 1_000;
const NEEDED = 20;
/** Estimating from a thousand costs a fifth of a millisecond: it waits until a twentieth of them is new. */
const NEWS = 0.05;
/** Fewer tries than this that were silent, and whose fate was seen, say nothing of what becomes of silent ones. */
const WITNESSES = 5;

/** Knows nothing at first; a thousand numbers at most. */
export function createHedge(): Hedge {
  const silences = new Float64Array(KEPT);
  const isGivenUp = new Uint8Array(KEPT);
  let seen = 0;
  let nextEstimateAt = NEEDED;
  let delayMs: number | undefined;

  return {
    ended: (silentMs) => keep(silentMs, 0),
    givenUp: (silentMs) => keep(silentMs, 1),
    delayMs() {
      if (seen >= nextEstimateAt) {
        nextEstimateAt = seen + Math.max(NEEDED, NEWS * Math.min(seen, KEPT));
        delayMs = hedgingDelayMs(estimate());
      }
      return delayMs;
    },
  };

  function keep(silentMs: number, givenUp: 0 | 1): void {
    silences[seen % KEPT] = silentMs;
    isGivenUp[seen % KEPT] = givenUp;
    seen++;
  }

  function estimate(): readonly SurvivalStep[] {
    const kept = silences.subarray(0, Math.min(seen, KEPT));
    return survivalOf(
      kept.filter((_, at) => isGivenUp[at] === 0),
      kept.filter((_, at) => isGivenUp[at] === 1),
    );
  }
}

/**
 * The earliest time at which second tries stay within the budget and pay: a first try that is silent until then will
 * more likely than not be silent for longer than a fresh one takes. Late tries of a healthy model come sooner than that.
 * Where too few were seen to tell they are taken to pay: a race for nothing costs a request, none a caller seconds.
 *
 * @source Dean and Barroso, "The Tail at Scale", 2013: hedged requests, deferred until few are outstanding
 */
function hedgingDelayMs(steps: readonly SurvivalStep[]): number | undefined {
  const medianMs = steps.find(({ share }) => share <= 0.5)?.atMs;
  if (medianMs === undefined) return undefined;
  return steps.find((now) => {
    if (now.share > AIM) return false;
    const then = stepAt(steps, now.atMs + medianMs) ?? now;
    const witnesses = then.ended - now.ended + then.watched;
    return witnesses < WITNESSES || then.share >= now.share / 2;
  })?.atMs;
}

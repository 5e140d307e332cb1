import { DEAD_AIR_AFTER_MS } from '../../call/budget.ts';
import type { SimulationReport } from './report.ts';
import { type Distribution, percent, ratioOf } from './statistics.ts';

/** What the caller of a simulation expects beyond what is always expected. */
export interface Expectations {
  /** Exactly this many calls hear the busy line. */
  readonly expectRefused?: number;
  /** The 95th percentile of the answer stays below this. */
  readonly answerP95Ms?: number;
  /** Of the answered turns, at most this part are apologies; from 0 to 1, default 0.1. */
  readonly maxApologyRatio?: number;
}

/** One judgement of a run. */
export interface Verdict {
  /** What was expected, in a few words. */
  readonly claim: string;
  readonly isPassed: boolean;
  /** What came. */
  readonly figure: string;
}

/** A refused caller hears the busy line this soon. */
const BUSY_LINE_WITHIN_MS = 500;

/** A model that is away for a moment costs some answers; one that is away costs all, and no other verdict sees it. */
const MAX_APOLOGY_RATIO = 0.1;

/** Judges a run; it passed when every verdict did. Verdicts about what did not happen are left out. */
export function verdicts(report: SimulationReport, expectations: Expectations = {}): readonly Verdict[] {
  const { calls, refused, turns, deadAir, webhooks, breaches } = report;
  const breachCount = breaches.reduce((sum, { count }) => sum + count, 0);
  const repeated = breaches.find(({ rule }) => rule === 'greeting.repeated')?.count ?? 0;
  const busyMs = topOf(refused.busyLineMs);
  const { expectRefused, answerP95Ms, maxApologyRatio = MAX_APOLOGY_RATIO } = expectations;
  const p95 = 'p95' in turns.answerMs ? turns.answerMs.p95 : undefined;
  const all: readonly (Verdict | undefined)[] = [
    verdict('every call was played', !report.isPartial && turns.count + refused.count > 0, playedFigure(report)),
    verdict(
      'no call dropped',
      calls.dropped + calls.unreached === 0,
      `${calls.dropped + calls.unreached} of ${calls.wanted}`,
    ),
    verdict('turns lost = 0', turns.lost === 0, `${turns.lost} of ${turns.count}`),
    verdict(`no dead air > ${DEAD_AIR_AFTER_MS / 1000}.0 s`, deadAir.count === 0, deadAirFigure(report)),
    turns.apologies === undefined || turns.answered === 0
      ? undefined
      : verdict(
          'answered, not apologised',
          ratioOf(turns.apologies, turns.answered) <= maxApologyRatio,
          `${turns.apologies} of ${turns.answered} apologised, at most ${percent(maxApologyRatio)}`,
        ),
    verdict('protocol breaches = 0', breachCount === 0, `${breachCount} of ${breaches.length} kinds`),
    verdict('greeting repeated = 0', repeated === 0, `${repeated} of ${calls.admitted}`),
    expectRefused === undefined
      ? undefined
      : verdict(`refused = ${expectRefused}`, refused.count === expectRefused, `${refused.count} of ${calls.wanted}`),
    refused.count === 0
      ? undefined
      : verdict(
          `busy line <= ${BUSY_LINE_WITHIN_MS} ms and an action`,
          busyMs !== undefined && busyMs <= BUSY_LINE_WITHIN_MS && refused.unserved === 0,
          `worst = ${busyMs === undefined ? 'none heard' : `${Math.round(busyMs)} ms`}, ${refused.unserved} unserved`,
        ),
    answerP95Ms === undefined
      ? undefined
      : verdict(
          `answer p95 < ${answerP95Ms} ms`,
          p95 !== undefined && p95 < answerP95Ms,
          p95 === undefined ? 'no answer' : `p95 = ${Math.round(p95)} ms`,
        ),
    webhooks.sent === 0
      ? undefined
      : verdict('webhooks not accepted = 0', webhooks.failed === 0, `${webhooks.failed} of ${webhooks.sent}`),
  ];
  return all.filter((one) => one !== undefined);
}

function verdict(claim: string, isPassed: boolean, figure: string): Verdict {
  return { claim, isPassed, figure };
}

function playedFigure({ calls, refused, isPartial }: SimulationReport): string {
  const played = calls.admitted + refused.count;
  return `${played} of ${calls.wanted}${isPartial ? ', cut short' : ''}`;
}

function deadAirFigure({ deadAir }: SimulationReport): string {
  const worst = `worst = ${(deadAir.worstMs / 1000).toFixed(2)} s`;
  return deadAir.count === 0 ? worst : `${deadAir.count} turns, ${worst}`;
}

function topOf(figures: Distribution): number | undefined {
  return 'max' in figures ? figures.max : undefined;
}

import { DEAD_AIR_AFTER_MS, SLOW_REFERENCE_MS } from '../call/budget.ts';
import type { CallEvent } from '../call/events.ts';

/** Milliseconds, to the sample; undefined before there is one. */
interface Percentiles {
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

/** How turns went lately. Shares are 0 to 1, and 0 before there is a turn. */
export interface TurnFigures {
  /** Turns the percentiles and shares are taken over. */
  readonly turns: number;
  /** From the ask to the end of the first whole sentence, filler or not. */
  readonly firstSentenceMs: Percentiles;
  /** From the ask to the end of the first sentence that is not a filler. */
  readonly answerMs: Percentiles;
  /** Answers slower than the budget of their turn, among all answers. */
  readonly slowShare: number;
  /** Answers slower than 500 ms, whatever the budget. */
  readonly over500Share: number;
  /** Turns in which a filler was spoken, among those in which anything was. */
  readonly fillerShare: number;
  /** Turns that ended in the fallback, among those that were not superseded. */
  readonly fallbackShare: number;
  /** Since the start: turns whose caller heard nothing for more than 1.0 s, and the worst excess. */
  readonly deadAir: { readonly count: number; readonly worstMs: number };
  /** Callers turned away since the start. */
  readonly refused: number;
  /** Of those refused, who were promised a call back: `GET /api/v1/calls` lists them as `refused_callback`. */
  readonly callbacks: number;
}

/** Reads the facts of all calls and keeps rolling figures of them. */
export interface Meter {
  observe(event: CallEvent): void;
  figures(): TurnFigures;
}

type TurnFact = Extract<CallEvent, { type: 'call.turn' }>;

/** What of a turn the figures need. */
type Sample = Pick<TurnFact, 'outcome' | 'firstSentenceMs' | 'answerMs' | 'fillers' | 'budgetMs'>;

/**
 * Makes a meter over the newest turns.
 *
 * @param window turns kept; default 2,000: twenty above the 99th percentile, and some hundred KB
 */
export function createMeter(window = 2_000): Meter {
  const samples: Sample[] = [];
  let next = 0;
  let refused = 0;
  let callbacks = 0;
  let deadAirs = 0;
  let worstMs = 0;

  return {
    observe(event) {
      if (event.type === 'call.refused') refused++;
      if (event.type === 'call.refused' && event.action === 'callback') callbacks++;
      if (event.type !== 'call.turn') return;
      const { outcome, firstSentenceMs, answerMs, fillers, budgetMs } = event;
      samples[next] = {
        outcome,
        fillers,
        budgetMs,
        ...(firstSentenceMs !== undefined && { firstSentenceMs }),
        ...(answerMs !== undefined && { answerMs }),
      };
      next = (next + 1) % window;
      const silentMs = deadAirMs(event);
      if (silentMs > 0) deadAirs++;
      worstMs = Math.max(worstMs, silentMs);
    },
    figures() {
      const spoken = samples.filter((sample) => sample.firstSentenceMs !== undefined);
      const answers = samples.flatMap(({ answerMs, budgetMs }) =>
        answerMs === undefined ? [] : [{ answerMs, budgetMs }],
      );
      const owed = samples.filter(({ outcome }) => outcome !== 'superseded');
      return {
        turns: samples.length,
        firstSentenceMs: percentiles(spoken.flatMap(({ firstSentenceMs }) => firstSentenceMs ?? [])),
        answerMs: percentiles(answers.map(({ answerMs }) => answerMs)),
        slowShare: share(answers, ({ answerMs, budgetMs }) => answerMs > budgetMs),
        over500Share: share(answers, ({ answerMs }) => answerMs > SLOW_REFERENCE_MS),
        fillerShare: share(spoken, ({ fillers }) => fillers > 0),
        fallbackShare: share(owed, ({ outcome }) => outcome === 'fallback'),
        deadAir: { count: deadAirs, worstMs: Math.round(worstMs) },
        refused,
        callbacks,
      };
    },
  };
}

/** Silence of a turn beyond what a caller takes for thinking, in milliseconds; 0 when there was none. */
export function deadAirMs({ firstSentenceMs }: Pick<TurnFact, 'firstSentenceMs'>): number {
  return Math.max(0, (firstSentenceMs ?? 0) - DEAD_AIR_AFTER_MS);
}

function share<T>(among: readonly T[], holds: (one: T) => boolean): number {
  return among.length === 0 ? 0 : among.filter(holds).length / among.length;
}

function percentiles(samples: readonly number[]): Percentiles {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (ratio: number) => {
    const sample = sorted[Math.max(0, Math.ceil(sorted.length * ratio) - 1)];
    return sample === undefined ? undefined : Math.round(sample * 10) / 10;
  };
  return { p50: at(0.5), p99: at(0.99) };
}

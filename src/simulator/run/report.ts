import { DEAD_AIR_AFTER_MS, SLOW_REFERENCE_MS } from '../../call/budget.ts';
import type { Breach, Rule } from '../monitor/rules.ts';
import type { Switches } from '../switches.ts';
import type { CallResult } from './call-result.ts';
import { type Distribution, distributionOf, ratioOf } from './statistics.ts';

/** What a simulation found, as `--json` prints it. Times in milliseconds, ratios from 0 to 1. */
export interface SimulationReport {
  readonly schema: 'offhook.simulation/1';
  readonly seed: number;
  readonly durationMs: number;
  /** Cut short: not every caller played to the end. */
  readonly isPartial: boolean;
  readonly calls: {
    readonly wanted: number;
    readonly admitted: number;
    /** Admitted, and ended without an error. */
    readonly finished: number;
    /** Ended by an error, the server's or the network's. */
    readonly dropped: number;
    readonly unreached: number;
    readonly peak: number;
    /** How many calls ended for which reason. */
    readonly endings: Readonly<Record<string, number>>;
    readonly greetingMs: Distribution;
  };
  readonly refused: {
    readonly count: number;
    readonly busyLineMs: Distribution;
    readonly actions: Readonly<Record<string, number>>;
    /** Refused without a word, or without an action that ran. */
    readonly unserved: number;
  };
  readonly turns: {
    readonly count: number;
    readonly answered: number;
    readonly superseded: number;
    readonly abandoned: number;
    readonly lost: number;
    readonly reminders: number;
    /** Of the answered, those whose answer was an apology; absent when the run was not told what one is. */
    readonly apologies?: number;
    readonly firstSentenceMs: Distribution;
    readonly answerMs: Distribution;
    /** Of the answers, those later than 500 ms. */
    readonly slowRatio: number;
    readonly fillerRatio: number;
    readonly toolCalls: number;
  };
  readonly deadAir: { readonly count: number; readonly worstMs: number; readonly worstCallId?: string };
  readonly redials: { readonly count: number; readonly resumedFirstSentenceMs: Distribution };
  readonly breaches: readonly {
    readonly rule: Rule;
    readonly count: number;
    /** The first few, to look them up by. */
    readonly examples: readonly Breach[];
  }[];
  readonly webhooks: {
    readonly sent: number;
    readonly failed: number;
    readonly repeated: number;
    readonly ackMs: Distribution;
  };
  readonly pongs: { readonly slowestMs: number };
  /** How late the simulator's own timers were: figures cannot be more exact than this. */
  readonly simulatorLagMs: Distribution;
  readonly switches: Switches;
}

/** What a run has left behind when it ends. */
export interface ReportInput {
  readonly results: readonly CallResult[];
  readonly calls: number;
  readonly seed: number;
  readonly switches: Switches;
  /** Was the run told which lines are apologies? */
  readonly knowsApologies: boolean;
  readonly isPartial: boolean;
  readonly durationMs: number;
  readonly peakCalls: number;
  readonly lag: Distribution;
}

const EXAMPLES = 3;

/** Adds up what every caller lived through. Refused calls are counted apart: their turns are not turns. */
export function buildReport(input: ReportInput): SimulationReport {
  const { results } = input;
  const admitted = results.filter((result) => result.kind === 'admitted');
  const dropped = admitted.filter(isDropped);
  return {
    schema: 'offhook.simulation/1',
    seed: input.seed,
    durationMs: Math.round(input.durationMs),
    isPartial: input.isPartial,
    calls: {
      wanted: input.calls,
      admitted: admitted.length,
      finished: admitted.length - dropped.length,
      dropped: dropped.length,
      unreached: results.filter((result) => result.kind === 'unreached').length,
      peak: input.peakCalls,
      endings: countBy(results, (result) => result.reason),
      greetingMs: distributionOf(admitted.flatMap(({ greetingMs }) => greetingMs ?? [])),
    },
    refused: refusedOf(results),
    turns: turnsOf(admitted, input.knowsApologies),
    deadAir: deadAirOf(admitted),
    redials: {
      count: results.reduce((sum, { sockets }) => sum + Math.max(0, sockets - 1), 0),
      resumedFirstSentenceMs: distributionOf(
        admitted
          .flatMap(({ turns }) => turns.filter((turn) => turn.isResumed))
          .flatMap((turn) => turn.firstSentenceMs ?? []),
      ),
    },
    breaches: breachesOf(results),
    webhooks: webhooksOf(results),
    pongs: { slowestMs: Math.max(0, ...results.map(({ slowestPongMs }) => slowestPongMs)) },
    simulatorLagMs: input.lag,
    switches: input.switches,
  };
}

type Admitted = Extract<CallResult, { readonly kind: 'admitted' }>;

function isDropped({ reason }: CallResult): boolean {
  return reason.startsWith('error_');
}

function refusedOf(results: readonly CallResult[]): SimulationReport['refused'] {
  const refused = results.filter((result) => result.kind === 'refused');
  return {
    count: refused.length,
    busyLineMs: distributionOf(refused.flatMap(({ busyLineMs }) => busyLineMs ?? [])),
    actions: countBy(refused, ({ action }) => action),
    unserved: refused.filter(({ busyLineMs, hasActed }) => busyLineMs === undefined || !hasActed).length,
  };
}

function turnsOf(admitted: readonly Admitted[], knowsApologies: boolean): SimulationReport['turns'] {
  const turns = admitted.flatMap((result) => result.turns);
  const measured = turns.filter((turn) => !turn.isResumed);
  const answers = measured.flatMap(({ answerMs }) => answerMs ?? []);
  const withOutcome = (outcome: (typeof turns)[number]['outcome']) =>
    turns.filter((turn) => turn.outcome === outcome).length;
  return {
    count: turns.length,
    answered: withOutcome('answered'),
    superseded: withOutcome('superseded'),
    abandoned: withOutcome('abandoned'),
    lost: withOutcome('lost'),
    reminders: turns.filter(({ ask }) => ask === 'reminder').length,
    ...(knowsApologies && { apologies: turns.filter(({ isApology }) => isApology).length }),
    firstSentenceMs: distributionOf(measured.flatMap(({ firstSentenceMs }) => firstSentenceMs ?? [])),
    answerMs: distributionOf(answers),
    slowRatio: ratioOf(answers.filter((ms) => ms > SLOW_REFERENCE_MS).length, answers.length),
    fillerRatio: ratioOf(turns.filter(({ hadFiller }) => hadFiller).length, turns.length),
    toolCalls: admitted.reduce((sum, { toolCalls }) => sum + toolCalls, 0),
  };
}

function deadAirOf(admitted: readonly Admitted[]): SimulationReport['deadAir'] {
  const silent = admitted.flatMap(({ callId, turns }) =>
    turns.filter(({ deadAirMs }) => deadAirMs > 0).map(({ deadAirMs }) => ({ callId, deadAirMs })),
  );
  const worst = silent.reduce<(typeof silent)[number] | undefined>(
    (most, one) => (most && most.deadAirMs >= one.deadAirMs ? most : one),
    undefined,
  );
  if (!worst) return { count: 0, worstMs: worstFirstSentenceMs(admitted) };
  return { count: silent.length, worstMs: worst.deadAirMs + DEAD_AIR_AFTER_MS, worstCallId: worst.callId };
}

/** The longest silence there was, also when it was short enough. */
function worstFirstSentenceMs(admitted: readonly Admitted[]): number {
  return admitted
    .flatMap(({ turns }) => turns)
    .reduce((worst, { firstSentenceMs = 0 }) => Math.max(worst, firstSentenceMs), 0);
}

function breachesOf(results: readonly CallResult[]): SimulationReport['breaches'] {
  const byRule = new Map<Rule, Breach[]>();
  for (const breach of results.flatMap(({ breaches }) => breaches)) {
    byRule.set(breach.rule, [...(byRule.get(breach.rule) ?? []), breach]);
  }
  return [...byRule]
    .map(([rule, found]) => ({ rule, count: found.length, examples: found.slice(0, EXAMPLES) }))
    .sort((a, b) => b.count - a.count);
}

function webhooksOf(results: readonly CallResult[]): SimulationReport['webhooks'] {
  const sent = results.flatMap(({ webhooks }) => webhooks);
  return {
    sent: sent.length,
    failed: sent.filter(({ isAccepted }) => !isAccepted).length,
    repeated: sent.filter(({ attempts }) => attempts > 1).length,
    ackMs: distributionOf(sent.filter(({ isAccepted }) => isAccepted).map(({ tookMs }) => tookMs)),
  };
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}

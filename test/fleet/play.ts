import type { CallResult } from '../../src/simulator/run/call-result.ts';
import type { SimulationReport } from '../../src/simulator/run/report.ts';
import { type SimulationOptions, simulate } from '../../src/simulator/run/simulate.ts';
import { type Verdict, verdicts } from '../../src/simulator/run/verdicts.ts';
import { DEFAULT_SWITCHES, type Switches } from '../../src/simulator/switches.ts';
import { sleep, systemClock } from '../../src/std/clock.ts';
import { collect } from './collect.ts';
import { type Disturbance, disturb } from './disturb.ts';
import type { Fleet } from './fleet.ts';
import { checkHistory, type History, type Violation } from './history.ts';
import { judgeCalls } from './judge-calls.ts';
import { sampleSlots } from './sample-slots.ts';

/** Callers of one kind. */
export type Callers = Pick<SimulationOptions, 'calls' | 'turns' | 'arrivalsPerSecond' | 'speechRate' | 'shares'> & {
  /** Whether Retell asks again for what was open when the socket was lost; default no. */
  readonly reissueAsk?: Switches['reissueAsk'];
};

/** What a fleet is put through. */
export interface Play {
  /** The same seed: the same callers, and the same of what befalls them. */
  readonly seed: number;
  readonly callers: Callers;
  /** More of them, who begin to dial later and may hear the busy line. */
  readonly late?: Callers & { readonly afterMs: number };
  readonly disturbances: readonly Disturbance[];
  /** How many of the first callers hear the busy line, exactly; default 0. */
  readonly expectRefused?: number | 'any';
  /** How long after the last call all of it must be in the archive. Default 75 s. */
  readonly settleWithinMs?: number;
}

/** What came of it. */
export interface Played {
  readonly report: SimulationReport;
  readonly lateReport: SimulationReport | undefined;
  readonly history: History;
  readonly violations: readonly Violation[];
  /** Asks that were lost with their socket, so that nobody could answer them: Retell did not ask again. */
  readonly lostAsks: number;
  /** Everything that was not as promised, as sentences; empty when all of it was. */
  readonly failures: readonly string[];
}

/**
 * What callers say, in order from a random place. Bookings come back word for word, and are found done; what cannot
 * be looked up after a crash is asked for once in a call, since a second wish for it is the caller's leave to try again.
 */
const LINES = [
  'Please book a table at 19:30.',
  'How late is the kitchen open?',
  'Please book a table at 20:15.',
  'What do you have for vegetarians?',
  'I said book a table at 19:30.',
  'Please reserve the room at 18:00.',
  'Could we sit outside?',
  'Do book a table at 20:15.',
  'Is there parking nearby?',
  'Please book a table at 21:45.',
  'Please reserve the room at 17:15.',
  'Can I bring my dog?',
  'Once more, book a table at 21:45.',
  'What is your address?',
  'Please reserve the room at 12:30.',
  'Do you take cards?',
];
const MOST_TURNS = LINES.length;
const FILLERS = ['One moment, please.'];
const FREE_WITHIN_MS = 16_000;
/** What a worker had in hand when it was killed is delivered again after a minute. */
const SETTLE_WITHIN_MS = 75_000;
/** A process that starts beside takes a core for half a second: others read a newer ask this much later. */
const STALE_GRACE_MS = 250;

/** Plays callers against a fleet while things befall it, waits until all of it is settled, and judges it. */
export async function play(fleet: Fleet, terms: Play, signal: AbortSignal): Promise<Played> {
  if (terms.callers.turns > MOST_TURNS) throw new Error(`expected at most ${MOST_TURNS} turns`);
  const results: CallResult[] = [];
  const sampling = sampleSlots(fleet);
  try {
    const { late, expectRefused = 0 } = terms;
    const [report, lateReport] = await Promise.all([
      simulate(optionsOf(fleet, terms.callers, terms.seed, results), signal),
      late &&
        sleep(systemClock, late.afterMs, signal).then(() =>
          simulate(optionsOf(fleet, late, terms.seed + 1, results), signal),
        ),
      disturb(fleet, terms.disturbances, signal),
    ]);
    const traces = await collect(fleet, results, terms.settleWithinMs ?? SETTLE_WITHIN_MS, signal);
    await sampling.untilFree(FREE_WITHIN_MS, signal);
    const history = {
      limit: fleet.maxCalls,
      calls: results,
      effects: fleet.effects().filter(({ callId }) => results.some((result) => result.callId === callId)),
      slots: sampling.samples,
      ...traces,
    };
    const violations = checkHistory(history);
    const { lostAsks, failures } = judgeCalls(results, traces.archived, terms.callers.reissueAsk === 'yes');
    return {
      report,
      lateReport,
      history,
      violations,
      lostAsks,
      failures: [
        ...failed(verdicts(report, expectRefused === 'any' ? {} : { expectRefused })),
        ...(lateReport ? failed(verdicts(lateReport)) : []),
        ...failures,
        ...violations.map(({ rule, callId, detail }) => [rule, callId, detail].filter(Boolean).join(': ')),
      ],
    };
  } finally {
    sampling.stop();
  }
}

function optionsOf(
  fleet: Fleet,
  { reissueAsk = 'no', ...callers }: Callers,
  seed: number,
  results: CallResult[],
): SimulationOptions {
  return {
    ...callers,
    switches: { ...DEFAULT_SWITCHES, reissueAsk },
    seed,
    baseUrl: fleet.url,
    socketSecret: fleet.socketSecret,
    webhookKey: fleet.webhookKey,
    agentId: 'agent_fleet',
    lines: LINES,
    fillers: FILLERS,
    staleGraceMs: STALE_GRACE_MS,
    onResult: (result) => results.push(result),
  };
}

/** What `judgeCalls` looks at call by call: the report has only sums. */
const JUDGED_BY_CALL = ['turns lost', 'no dead air', 'protocol breaches', 'greeting repeated'];

function failed(all: readonly Verdict[]): readonly string[] {
  return all
    .filter(({ claim, isPassed }) => !isPassed && !JUDGED_BY_CALL.some((one) => claim.startsWith(one)))
    .map(({ claim, figure }) => `expected ${claim}, got ${figure}`);
}

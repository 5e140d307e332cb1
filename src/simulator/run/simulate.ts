import { type Clock, sleep, systemClock } from '../../std/clock.ts';
import { randomBetween, randomHex, seededRandom } from '../../std/random.ts';
import { apologyTest, fillerTest } from '../line/sentences.ts';
import { DEFAULT_TIMINGS, type RetellTimings } from '../line/timings.ts';
import { type Hearing, PERFECT_HEARING } from '../line/user-speech.ts';
import { DEFAULT_SWITCHES, type Switches } from '../switches.ts';
import type { Target } from '../urls.ts';
import { type LifecycleEvent, openSender, type WebhookSender } from '../webhooks.ts';
import type { CallResult } from './call-result.ts';
import { keepProcess } from './keep-process.ts';
import { watchLag } from './lag.ts';
import { reach } from './reach.ts';
import { buildReport, type SimulationReport } from './report.ts';
import { type CallerRunOptions, runCaller } from './run-caller.ts';
import { DEFAULT_LINES, DEFAULT_SHARES, randomScript, type Shares } from './scripts.ts';
import { distributionOf } from './statistics.ts';
import type { TurnMeasure } from './turns.ts';

/** How many callers do what against which server. What is absent has a default. */
export interface SimulationOptions extends Target {
  readonly calls: number;
  readonly turns: number;
  /** Signs and sends call_started, call_ended and call_analyzed of every call; without it no webhook is sent. */
  readonly webhookKey?: string;
  /** New calls a second, whether or not earlier ones have ended; without it all begin at once. */
  readonly arrivalsPerSecond?: number;
  /** How many times faster than a human callers and agent speak; default 10. Server deadlines stay real. */
  readonly speechRate?: number;
  /** Repeats a run; drawn when absent, and printed either way. */
  readonly seed?: number;
  readonly shares?: Partial<Shares>;
  /** What callers say. */
  readonly lines?: readonly string[];
  /** The agent's own lines that only buy time; without them short lines like "One moment." count. */
  readonly fillers?: readonly string[];
  /** The agent's own lines that say there is no answer: fallback and the like. Without them none is counted. */
  readonly apologies?: readonly string[];
  readonly switches?: Switches;
  /** How late Retell asks, and how it mishears; what is absent is as in a perfect world. */
  readonly hearing?: Partial<Hearing>;
  readonly timings?: RetellTimings;
  readonly staleGraceMs?: number;
  /** An ask without an answer for this long is lost; default 30,000. */
  readonly lostAfterMs?: number;
  /** After a lost socket a caller asks again when nothing comes for this long; default 8,000. */
  readonly patienceMs?: number;
  /** Share of closing webhooks delivered twice at once; default 0.2. */
  readonly duplicateRatio?: number;
  /** Sends call_analyzed before call_ended. */
  readonly webhooksOutOfOrder?: boolean;
  readonly agentId?: string;
  /** Told what became of each call, once its webhooks were sent: the report only adds it up. */
  readonly onResult?: (result: CallResult) => void;
  readonly clock?: Clock;
}

/** Told after every turn and every call. */
export interface SimulationProgress {
  readonly calls: number;
  readonly callsDone: number;
  readonly turns: number;
  /** Of the answers so far; undefined before the first. */
  readonly answerP95Ms: number | undefined;
}

/**
 * Plays `calls` callers of `turns` turns each against a server, over its wire alone, and measures what they heard.
 * Aborting the signal makes every caller hang up; the report then says that it is partial.
 *
 * @throws Fault `simulator.server_unreachable`, `simulator.bad_url`
 */
export async function simulate(
  options: SimulationOptions,
  signal: AbortSignal,
  onProgress: (progress: SimulationProgress) => void = () => {},
): Promise<SimulationReport> {
  await reach(options, signal);
  const {
    clock = systemClock,
    switches = DEFAULT_SWITCHES,
    seed = randomBetween(1, 2 ** 31 - 1),
    webhookKey,
  } = options;
  const letGo = keepProcess();
  const lag = watchLag(clock);
  const sender =
    webhookKey === undefined ? undefined : openSender({ target: options, key: webhookKey, clock, switches });
  const tally = newTally(options.calls, onProgress);
  const run = { options, clock, switches, seed, sender, tally, lagSinceMs: lag.worstSinceMs, runId: randomHex(4) };
  const startedAt = clock.now();
  try {
    const playing = Array.from({ length: options.calls }, (_, index) => playOne(run, index, signal));
    const results = (await Promise.all(playing)).filter((result) => result !== undefined);
    return buildReport({
      results,
      seed,
      switches,
      calls: options.calls,
      knowsApologies: (options.apologies ?? []).length > 0,
      isPartial: signal.aborted,
      durationMs: clock.now() - startedAt,
      peakCalls: tally.peak(),
      lag: lag.summary(),
    });
  } finally {
    lag.stop();
    await sender?.close();
    letGo();
  }
}

interface Run {
  readonly options: SimulationOptions;
  readonly clock: Clock;
  readonly switches: Switches;
  readonly seed: number;
  readonly sender: WebhookSender | undefined;
  readonly tally: Tally;
  readonly lagSinceMs: (atMs: number) => number;
  /** Sets call ids of two runs with one seed apart: a server may still know the first ones. */
  readonly runId: string;
}

/** One caller, from their arrival on; undefined when the run was cut short before it. */
async function playOne(run: Run, index: number, signal: AbortSignal): Promise<CallResult | undefined> {
  const { options, clock, tally } = run;
  if (options.arrivalsPerSecond !== undefined) {
    try {
      await sleep(clock, (index * 1_000) / options.arrivalsPerSecond, signal);
    } catch {
      return undefined; // the run was cut short: this caller never dialled
    }
  }
  const result = await runCaller(callerRunOptions(run, index), signal);
  tally.callDone(result);
  options.onResult?.(result);
  return result;
}

function callerRunOptions(run: Run, index: number): CallerRunOptions {
  const { options, clock, switches, tally } = run;
  // Each caller has random numbers of their own, so that one call's luck does not change another's script.
  const random = seededRandom(run.seed + index * 7_919);
  const shares = { ...DEFAULT_SHARES, ...options.shares };
  return {
    target: options,
    callId: `sim_${run.runId}_${index}`,
    agentId: options.agentId ?? 'agent_simulated',
    script: randomScript(options.turns, shares, random, options.lines ?? DEFAULT_LINES),
    caller: {
      clock,
      speechRate: options.speechRate ?? 10,
      pauseMs: () => 300 + random() * 900,
      lostAfterMs: options.lostAfterMs ?? 30_000,
      patienceMs: options.patienceMs ?? 8_000,
    },
    clock,
    switches,
    hearing: { ...PERFECT_HEARING, ...options.hearing },
    timings: options.timings ?? DEFAULT_TIMINGS,
    random,
    isFiller: fillerTest(options.fillers ?? []),
    isApology: apologyTest(options.apologies ?? []),
    ...(options.staleGraceMs !== undefined && { staleGraceMs: options.staleGraceMs }),
    lagSinceMs: run.lagSinceMs,
    sender: run.sender,
    closingWebhooks: closingWebhooks(options, random),
    onTurn: tally.turn,
    onOpen: tally.opened,
  };
}

function closingWebhooks(options: SimulationOptions, random: () => number): readonly LifecycleEvent[] {
  const events: readonly LifecycleEvent[] = options.webhooksOutOfOrder
    ? ['call_analyzed', 'call_ended']
    : ['call_ended', 'call_analyzed'];
  const ratio = options.duplicateRatio ?? 0.2;
  return events.flatMap((event) => (random() < ratio ? [event, event] : [event]));
}

interface Tally {
  readonly turn: (turn: TurnMeasure) => void;
  readonly opened: () => void;
  readonly callDone: (result: CallResult) => void;
  readonly peak: () => number;
}

/** Percentiles of a progress line need not be newer than this many turns. */
const PROGRESS_EVERY_TURNS = 25;

/** Counts while the run goes on: for the progress line, and for how many calls were up at once. */
function newTally(calls: number, onProgress: (progress: SimulationProgress) => void): Tally {
  const answers: number[] = [];
  let answerP95Ms: number | undefined;
  let callsDone = 0;
  let turns = 0;
  let up = 0;
  let peak = 0;
  const tell = () => onProgress({ calls, callsDone, turns, answerP95Ms });
  return {
    turn(turn) {
      turns += 1;
      if (turn.answerMs !== undefined) answers.push(turn.answerMs);
      if (answers.length % PROGRESS_EVERY_TURNS === 1) {
        const figures = distributionOf(answers);
        answerP95Ms = 'p95' in figures ? figures.p95 : undefined;
      }
      tell();
    },
    opened() {
      up += 1;
      peak = Math.max(peak, up);
    },
    callDone(result) {
      callsDone += 1;
      if (result.kind !== 'unreached') up -= 1;
      tell();
    },
    peak: () => peak,
  };
}

import { type Findings, type Mode, type ModeOptions, median, percentilesOf, table } from '../mode.ts';
import { type Rig, startRig } from '../rig.ts';
import { playRound } from '../round.ts';
import type { StubBehaviour } from '../stub.ts';
import { startSubject } from '../subjects.ts';
import { healthyP99Ms, leastP99Ratio } from './hedge-bound.ts';
import { simulatedRatio } from './hedge-simulated.ts';

/** Times to the first token, log-normal. */
const TAILS = [
  { name: 'long tail', medianMs: 300, sigma: 0.6 },
  { name: 'short tail', medianMs: 300, sigma: 0.472 },
] as const;
type Tail = (typeof TAILS)[number];
const STALL = { stallRatio: 0.05, stallMs: 10_000 };
const LOAD = { calls: 500, turns: 10, pace: { kind: 'open', everyMs: 3_000 } } as const;
/** Played against the same model, stalls and all: the server knows a thousand of its times. */
const WARM_UP = { calls: 100, turns: 10, pace: { kind: 'backToBack', atOnce: 100 } } as const;
const LIMITS = { p99Ratio: 1.25, moreRequests: 0.1 };

interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
  readonly turns: number;
  readonly lost: number;
}

interface Measured {
  readonly tail: Tail;
  readonly healthy: Figures[];
  readonly stalled: Figures[];
}

/** A second draft races the first where that is late: what it wins, and what it costs. */
export const hedgeMode: Mode = { name: 'hedge', title: 'A model that stalls in 5 % of requests', run: measureHedge };

async function measureHedge(options: ModeOptions): Promise<Findings> {
  const measured: Measured[] = TAILS.map((tail) => ({ tail, healthy: [], stalled: [] }));
  await using rig = await startRig();
  for (let run = 1; run <= options.runs; run++) {
    const seed = options.seed + run;
    for (const { tail, healthy, stalled } of measured) {
      const { medianMs, sigma } = tail;
      healthy.push(await measure({ seed, medianMs, sigma, stallRatio: 0, stallMs: 0 }, options, rig));
      stalled.push(await measure({ seed, medianMs, sigma, ...STALL }, options, rig));
    }
  }
  return report(measured, options.seed);
}

/** A fresh server each time: what it has learnt of one model says nothing of the next. */
async function measure(behaviour: StubBehaviour, { note }: ModeOptions, rig: Rig): Promise<Figures> {
  await using subject = await startSubject('ours', { modelUrl: rig.model.url });
  await rig.model.behave(behaviour);
  await playRound(subject, rig, { seed: behaviour.seed, ...WARM_UP });
  await rig.model.behave(behaviour);
  const { result } = await playRound(subject, rig, { seed: behaviour.seed, ...LOAD });
  const { requests } = await rig.model.count();
  // A turn that ended in another line never had its answer.
  const lost = Array.from({ length: result.lost }, () => Number.POSITIVE_INFINITY);
  const times = percentilesOf([...result.answerMs, ...lost]);
  const figures = { ...times, requests, turns: LOAD.calls * LOAD.turns, lost: result.lost };
  const state = behaviour.stallRatio > 0 ? 'stalling' : 'healthy';
  note(`${state}: ${times.p50.toFixed(0)} / ${times.p99.toFixed(0)} ms, ${requests} requests, ${result.lost} lost`);
  return figures;
}

function report(measured: readonly Measured[], seed: number): Findings {
  const middle = (of: readonly Figures[], figure: (each: Figures) => number) => median(of.map(figure));
  const extraOf = ({ requests, turns }: Figures) => (requests - turns) / turns;
  const rowOf = (name: string, of: readonly Figures[]) => [
    name,
    middle(of, ({ p50 }) => p50).toFixed(0),
    middle(of, ({ p99 }) => p99).toFixed(0),
    `${(middle(of, extraOf) * 100).toFixed(1)} %`,
    String(of.reduce((sum, { lost }) => sum + lost, 0)),
  ];
  const { calls, turns, pace } = LOAD;
  const load = {
    warmUp: WARM_UP.calls * WARM_UP.turns,
    turns: calls * turns,
    everyMs: pace.everyMs / calls,
  };
  return {
    lines: [
      `${calls} calls of ${turns} turns, one every ${pace.everyMs / 1_000} s. A model's first token is log-normal, median 300 ms; its own p99 is`,
      `${TAILS.map((tail) => `${healthyP99Ms(tail).toFixed(0)} ms in the ${tail.name}`).join(', ')}. Where it stalls, ${STALL.stallRatio * 100} % of its requests say nothing for`,
      `${STALL.stallMs / 1_000} s, second tries too, as in ${WARM_UP.calls * WARM_UP.turns} turns before that are not measured. Milliseconds from the ask to the first`,
      'whole sentence of the answer, fillers not counted; *lost* are turns that ended in another line, and count as the longest.',
      'A healthy model is hardly raced, so that its p99 is about its own. *At best* is the least that any delay of a second try',
      `can give with ${LIMITS.moreRequests * 100} % more requests, the distribution known and nothing left to chance, by trying them all.`,
      '*Simulated* is the middle of a hundred such runs of the hedge without a server, and what one in ten of them exceeds: the',
      `p99 of ${calls * turns} turns rests on ${(calls * turns) / 100} of them.`,
      '',
      ...table(
        ['', 'p50', 'p99', 'requests beyond one a turn', 'lost'],
        measured.flatMap(({ tail, healthy, stalled }) => [
          rowOf(`${tail.name}, healthy`, healthy),
          rowOf(`${tail.name}, 5 % stalled`, stalled),
        ]),
      ),
    ],
    goals: measured.flatMap(({ tail, healthy, stalled }) => {
      const ratio = median(stalled.map(({ p99 }, run) => p99 / (healthy[run]?.p99 ?? Number.NaN)));
      const extra = middle(stalled, extraOf);
      const { middle: simulated, exceededByTenth } = simulatedRatio({ ...tail, ...STALL }, load, seed);
      const best = leastP99Ratio({ ...tail, ...STALL }, LIMITS.moreRequests);
      return [
        {
          claim: `Goal 6, ${tail.name}: p99 of the answer at most ${LIMITS.p99Ratio} times the healthy one`,
          figure: `${ratio.toFixed(2)}; at best ${best.toFixed(2)}, simulated ${simulated.toFixed(2)} (${exceededByTenth.toFixed(2)})`,
          isHeld: ratio <= LIMITS.p99Ratio,
        },
        {
          claim: `Goal 6, ${tail.name}: at at most ${LIMITS.moreRequests * 100} % more requests`,
          figure: `${(extra * 100).toFixed(1)} %`,
          isHeld: extra <= LIMITS.moreRequests,
        },
      ];
    }),
  };
}

import { type Generator, type Model, startGenerator, startModel } from '../generator.ts';
import { type Findings, type Mode, type ModeOptions, median, percentilesOf, table } from '../mode.ts';
import { playRound } from '../round.ts';
import type { StubBehaviour } from '../stub.ts';
import { startSubject } from '../subjects.ts';

/** Time to first token of a hosted model: log-normal, median 300 ms, p95 650 ms, p99 900 ms. */
const HEALTHY = { medianMs: 300, sigma: 0.472 };
const STALL = { stallRatio: 0.05, stallMs: 10_000 };
const LOAD = { calls: 300, turns: 5, pace: { kind: 'open', everyMs: 3_000 } } as const;
/** Played against a healthy model, so that the server knows its times. */
const WARM_UP = { calls: 50, turns: 3, pace: { kind: 'backToBack', atOnce: 25 } } as const;
const LIMITS = { p99Ratio: 1.25, moreRequests: 0.1 };

interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
  readonly turns: number;
  readonly lost: number;
}

/** A second draft races the first where that is late: what it wins, and what it costs. */
export const hedgeMode: Mode = { name: 'hedge', title: 'A model that stalls in 5 % of requests', run: measureHedge };

async function measureHedge(options: ModeOptions): Promise<Findings> {
  const healthy: Figures[] = [];
  const stalled: Figures[] = [];
  const generator = startGenerator();
  const model = await startModel();
  try {
    for (let run = 1; run <= options.runs; run++) {
      const seed = options.seed + run;
      healthy.push(await measure({ seed, ...HEALTHY, stallRatio: 0, stallMs: 0 }, options, generator, model));
      stalled.push(await measure({ seed, ...HEALTHY, ...STALL }, options, generator, model));
    }
  } finally {
    await generator.end();
    await model.end();
  }
  return report(healthy, stalled);
}

/** A fresh server each time: what it has learnt of one model says nothing of the next. */
async function measure(
  behaviour: StubBehaviour,
  { note }: ModeOptions,
  generator: Generator,
  model: Model,
): Promise<Figures> {
  const subject = await startSubject('ours', { modelUrl: model.url });
  try {
    await model.behave({ ...behaviour, stallRatio: 0 });
    await playRound(subject, generator, model, { seed: behaviour.seed, ...WARM_UP });
    await model.behave(behaviour);
    const { result } = await playRound(subject, generator, model, { seed: behaviour.seed, ...LOAD });
    const { requests } = await model.count();
    // A turn that ended in another line never had its answer.
    const lost = Array.from({ length: result.lost }, () => Number.POSITIVE_INFINITY);
    const times = percentilesOf([...result.answerMs, ...lost]);
    const figures = { ...times, requests, turns: LOAD.calls * LOAD.turns, lost: result.lost };
    const state = behaviour.stallRatio > 0 ? 'stalling' : 'healthy';
    note(`${state}: ${times.p50.toFixed(0)} / ${times.p99.toFixed(0)} ms, ${requests} requests, ${result.lost} lost`);
    return figures;
  } finally {
    await subject.end();
  }
}

function report(healthy: readonly Figures[], stalled: readonly Figures[]): Findings {
  const middle = (of: readonly Figures[], figure: (each: Figures) => number) => median(of.map(figure));
  const extraOf = ({ requests, turns }: Figures) => (requests - turns) / turns;
  const rowOf = (name: string, of: readonly Figures[]) => [
    name,
    middle(of, ({ p50 }) => p50).toFixed(0),
    middle(of, ({ p99 }) => p99).toFixed(0),
    `${(middle(of, extraOf) * 100).toFixed(1)} %`,
    String(of.reduce((sum, { lost }) => sum + lost, 0)),
  ];
  const ratio = median(stalled.map(({ p99 }, run) => p99 / (healthy[run]?.p99 ?? Number.NaN)));
  const extra = middle(stalled, extraOf);
  const { calls, turns, pace } = LOAD;
  return {
    lines: [
      `${calls} calls of ${turns} turns, one every ${pace.everyMs / 1_000} s. A model's first token is log-normal, median ${HEALTHY.medianMs} ms, p99 900 ms;`,
      `where it stalls, ${STALL.stallRatio * 100} % of its requests say nothing for ${STALL.stallMs / 1_000} s. Milliseconds from the ask to the first whole sentence`,
      'of the answer, fillers not counted; *lost* are turns that ended in another line.',
      '',
      ...table(
        ['', 'p50', 'p99', 'requests beyond one a turn', 'lost'],
        [rowOf('healthy', healthy), rowOf('5 % stalled', stalled)],
      ),
    ],
    goals: [
      {
        claim: `Goal 6: p99 of the answer at most ${LIMITS.p99Ratio} times the healthy one`,
        figure: ratio.toFixed(2),
        isHeld: ratio <= LIMITS.p99Ratio,
      },
      {
        claim: `Goal 6: at at most ${LIMITS.moreRequests * 100} % more requests`,
        figure: `${(extra * 100).toFixed(1)} %`,
        isHeld: extra <= LIMITS.moreRequests,
      },
    ],
  };
}

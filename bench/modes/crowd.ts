import { DEFAULT_BUDGET } from '../../src/call/budget.ts';
import { type Findings, type Mode, type ModeOptions, median, percent, percentilesOf, table } from '../mode.ts';
import { OPEN_LOOP, playOpenLoop } from '../open-loop.ts';
import { MAX_RIG_RATIO, startRig } from '../rig.ts';
import type { Round } from '../round.ts';

const CALLS = 3_000;
/** The latency budget of `single`: the objective for an answer. */
const BUDGET_MS = DEFAULT_BUDGET.answerMs;
/** As much as a core can do: where the machine has a slow minute, even a server that only passes on loses turns. */
const HELD_RATIO = 0.8;

const COMPARED = ['model', 'ours'] as const;
type Compared = (typeof COMPARED)[number];

/** How many live calls a core holds within the latency budget, beside a server that only asks the model and passes on. */
export const crowdMode: Mode = { name: 'crowd', title: '3,000 live calls on one core', run: measureCrowd };

async function measureCrowd(options: ModeOptions): Promise<Findings> {
  const rounds: Record<Compared, Round[]> = { model: [], ours: [] };
  await using rig = await startRig();
  for (let run = 1; run <= options.runs; run++) {
    for (const name of COMPARED) rounds[name].push(await playOpenLoop(name, CALLS, options, rig));
  }
  return report(rounds);
}

function report(rounds: Readonly<Record<Compared, readonly Round[]>>): Findings {
  const list = (name: Compared, figure: (round: Round) => string) => rounds[name].map(figure).join(', ');
  const rowOf = (title: string, name: Compared) => [
    title,
    list(name, ({ result }) => percentilesOf(result.answerMs).p50.toFixed(1)),
    list(name, ({ result }) => percentilesOf(result.answerMs).p99.toFixed(0)),
    percent(median(rounds[name].map(({ serverRatio }) => serverRatio))),
    list(name, ({ result }) => String(result.lost)),
  ];
  const held = rounds.ours.filter(
    ({ result, rigRatio }) =>
      result.lost === 0 && percentilesOf(result.answerMs).p99 <= BUDGET_MS && rigRatio <= MAX_RIG_RATIO,
  ).length;
  const runs = rounds.ours.length;
  return {
    lines: [
      ...OPEN_LOOP,
      '',
      ...table(
        ['run by run', 'p50', 'p99', 'of its core', 'turns lost'],
        [rowOf('bare, parses, calls the model', 'model'), rowOf('ours', 'ours')],
      ),
    ],
    goals: [
      {
        claim: `Goal 3: ${CALLS} live calls on one core, p99 of the answer within the latency budget of ${BUDGET_MS} ms, no turn lost, in 4 of 5 runs`,
        figure: `${held} of ${runs}`,
        isHeld: held >= runs * HELD_RATIO,
      },
    ],
  };
}

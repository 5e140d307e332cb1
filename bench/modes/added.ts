import { type Findings, type Mode, type ModeOptions, median, percent, percentilesOf, table } from '../mode.ts';
import { OPEN_LOOP, playOpenLoop } from '../open-loop.ts';
import { startRig } from '../rig.ts';
import { checkRound, type Round, untilItCounts } from '../round.ts';
import type { SubjectName } from '../subjects.ts';

const CALLS = 1_000;
const LIMITS = { p50Ms: 1, p99Ms: 5 };
/** In single runs the machine's own jitter shows: the goal asks for four of five. */
const HELD_RATIO = 0.8;

/** Two wait for the same model; the constant one, played once, shows what of it is the model's and the generator's. */
const COMPARED = ['constant', 'model', 'ours'] as const satisfies readonly SubjectName[];
type Compared = (typeof COMPARED)[number];

/** Time to answer beside the bare servers', with 1,000 calls at once. */
export const addedMode: Mode = { name: 'added', title: 'Added time to answer', run: measureAdded };

async function measureAdded(options: ModeOptions): Promise<Findings> {
  const rounds: Record<Compared, Round[]> = { constant: [], model: [], ours: [] };
  await using rig = await startRig();
  for (let run = 1; run <= options.runs; run++) {
    for (const name of COMPARED) {
      if (name === 'constant' && run > 1) continue;
      const round = await untilItCounts(name, options.note, async () => {
        const played = await playOpenLoop(name, CALLS, options, rig);
        checkRound(played);
        return played;
      });
      rounds[name].push(round);
    }
  }
  return report(rounds);
}

function report(rounds: Readonly<Record<Compared, readonly Round[]>>): Findings {
  const times = (name: Compared) => rounds[name].map(({ result }) => percentilesOf(result.answerMs));
  const bare = times('model');
  const added = times('ours').map(({ p50, p99 }, run) => ({
    p50: p50 - (bare[run]?.p50 ?? 0),
    p99: p99 - (bare[run]?.p99 ?? 0),
  }));
  const rowOf = (title: string, name: Compared) => [
    `${title}, ${CALLS} calls`,
    median(times(name).map(({ p50 }) => p50)).toFixed(2),
    median(times(name).map(({ p99 }) => p99)).toFixed(2),
    percent(median(rounds[name].map(({ serverRatio }) => serverRatio))),
    String(rounds[name].reduce((sum, { result }) => sum + result.lost, 0)),
  ];
  const held = added.filter(({ p50, p99 }) => p50 <= LIMITS.p50Ms && p99 <= LIMITS.p99Ms).length;
  return {
    lines: [
      ...OPEN_LOOP,
      '',
      ...table(
        ['', 'p50', 'p99', 'of its core', 'turns lost'],
        [
          rowOf('bare, parses, constant answer', 'constant'),
          rowOf('bare, parses, calls the model', 'model'),
          rowOf('ours', 'ours'),
        ],
      ),
      '',
      `Added to the bare server that calls the model, run by run: ${added.map(({ p50, p99 }) => `${p50.toFixed(2)} / ${p99.toFixed(2)}`).join(', ')} (p50 / p99).`,
    ],
    goals: [
      {
        claim: `Goal 3: ${CALLS} calls, added p50 at most ${LIMITS.p50Ms} ms and p99 at most ${LIMITS.p99Ms} ms in 4 of 5 runs`,
        figure: `${median(added.map(({ p50 }) => p50)).toFixed(2)} and ${median(added.map(({ p99 }) => p99)).toFixed(2)} ms; ${held} of ${added.length}`,
        isHeld: held >= added.length * HELD_RATIO,
      },
    ],
  };
}

import { type Findings, type Goal, type Mode, type ModeOptions, median, percent, table } from '../mode.ts';
import { type Rig, startRig } from '../rig.ts';
import { checkRound, playRound, type Round, untilItCounts } from '../round.ts';
import { SUBJECTS, type SubjectName, startSubject } from '../subjects.ts';

/** Lengths of a call in turns, and how many such calls a round plays: few of the long ones, or a run takes minutes. */
const LENGTHS = [
  { turns: 10, calls: 50 },
  { turns: 40, calls: 20 },
  { turns: 120, calls: 20 },
] as const;
type Length = (typeof LENGTHS)[number];
/** The goals' own recipe, in which the compiler's work is part of the figure: 50 calls each, a fresh process for each. */
const FULL_CALLS = 50;
/** Otherwise a server is measured that has been up for a while: by then the compiler has done what it will. */
const WARM_UP = { calls: 100, turns: 25 };
const AT_ONCE = 50;

type Figures = Record<SubjectName, Map<number, Round[]>>;

/** CPU time per turn of whole calls, back to back, beside the bare servers. */
export const turnMode: Mode = { name: 'turn', title: 'CPU time per turn', run: measureTurns };

async function measureTurns(options: ModeOptions): Promise<Findings> {
  const figures: Figures = { constant: new Map(), model: new Map(), unparsed: new Map(), ours: new Map() };
  await using rig = await startRig();
  for (let run = 1; run <= options.runs; run++) {
    for (const name of SUBJECTS) await measureSubject(name, run, options, rig, figures);
  }
  return report(figures, options);
}

/** One server through all lengths: in one process, or in one each. */
async function measureSubject(
  name: SubjectName,
  run: number,
  options: ModeOptions,
  rig: Rig,
  figures: Figures,
): Promise<void> {
  const costs: string[] = [];
  let busiest = 0;
  for (const lengths of options.isFull ? LENGTHS.map((length) => [length]) : [LENGTHS]) {
    const rounds = await playLengths(name, lengths, options.seed + run, options, rig);
    for (const [index, round] of rounds.entries()) {
      const turns = lengths[index]?.turns ?? 0;
      figures[name].set(turns, [...(figures[name].get(turns) ?? []), round]);
      costs.push(round.cpuMsPerTurn.toFixed(2));
      busiest = Math.max(busiest, round.rigRatio);
    }
  }
  options.note(`run ${run} ${name.padEnd(8)} ${costs.join(' / ')} ms; generator ${percent(busiest)}`);
}

async function playLengths(
  name: SubjectName,
  lengths: readonly Length[],
  seed: number,
  { isFull, note }: ModeOptions,
  rig: Rig,
): Promise<readonly Round[]> {
  const pace = { kind: 'backToBack', atOnce: AT_ONCE } as const;
  return untilItCounts(name, note, async () => {
    await using subject = await startSubject(name, { modelUrl: rig.model.url });
    if (!isFull) await playRound(subject, rig, { ...WARM_UP, seed, pace });
    const rounds: Round[] = [];
    for (const { turns, calls } of lengths) {
      const load = { seed, calls: isFull ? FULL_CALLS : calls, turns, pace };
      const round = await playRound(subject, rig, load);
      checkRound(round);
      rounds.push(round);
    }
    return rounds;
  });
}

function report(figures: Figures, { isFull }: ModeOptions): Findings {
  const middle = (name: SubjectName, turns: number, of: (round: Round) => number) =>
    median((figures[name].get(turns) ?? []).map(of));
  const cost = (name: SubjectName, turns: number) => middle(name, turns, ({ cpuMsPerTurn }) => cpuMsPerTurn);
  const rows = SUBJECTS.map((name) => [
    LABELS[name],
    ...LENGTHS.map(({ turns }) => cost(name, turns).toFixed(2)),
    ...LENGTHS.map(({ turns }) => (cost('ours', turns) / cost(name, turns)).toFixed(2)),
    middle(name, 10, ({ cpuMsPerCall }) => cpuMsPerCall).toFixed(2),
  ]);
  const lengths = LENGTHS.map(({ turns }) => turns);
  const sizes = LENGTHS.map(({ turns, calls }) => `${isFull ? FULL_CALLS : calls} calls of ${turns}`).join(', ');
  const [short, usual, long] = [10, 40, 120] as const;
  const added = (turns: number) => cost('ours', turns) - cost('unparsed', turns);
  const growth = added(long) / added(short);
  const goals: readonly Goal[] = [
    ratioGoal(1, usual, cost('ours', usual) / cost('constant', usual), 1),
    ratioGoal(1, long, cost('ours', long) / cost('constant', long), 0.5),
    {
      claim: 'Goal 2: what ours adds to the server that parses nothing, at 120 turns over at 10, at most 1.3',
      figure: `${growth.toFixed(2)} (${added(short).toFixed(2)} and ${added(long).toFixed(2)} ms)`,
      isHeld: added(short) > 0 && growth <= 1.3,
    },
  ];
  return {
    lines: [
      `Back to back, ${sizes} turns: 6 \`update_only\` and an ask per turn in one write, a model that answers at once in 13 chunks;`,
      isFull ? 'a fresh process for each length.' : `after ${WARM_UP.calls * WARM_UP.turns} turns that do not count.`,
      'CPU milliseconds per turn of the server process, then ours over it.',
      '',
      ...table(['', ...lengths.map(String), ...lengths.map((turns) => `ours : it, ${turns}`), 'opening a call'], rows),
    ],
    goals,
  };
}

const LABELS: Readonly<Record<SubjectName, string>> = {
  constant: 'bare, parses, constant answer',
  model: 'bare, parses, calls the model',
  unparsed: 'bare, parses nothing, constant answer',
  ours: 'ours',
};

function ratioGoal(goal: number, turns: number, ratio: number, limit: number): Goal {
  return {
    claim: `Goal ${goal}: at ${turns} turns at most ${limit} of the bare server that calls no model`,
    figure: ratio.toFixed(2),
    isHeld: ratio <= limit,
  };
}

import { type ModeOptions, percent, percentilesOf } from './mode.ts';
import type { Rig } from './rig.ts';
import { playRound, type Round } from './round.ts';
import { type SubjectName, startSubject } from './subjects.ts';

/** A turn every 6 s, as people talk; calls are of all ages up to 20 turns. */
const EVERY_MS = 6_000;
const AGES = { minAge: 0, maxAge: 19 };
/** The first frame of a call is read whole, and all calls are new: their first turns are played and left out. */
const TURNS = { turns: 5, uncounted: 1 };
const AT_ONCE = { medianMs: 0, sigma: 0, stallRatio: 0, stallMs: 0 };
/** Opened and played before anything is measured, as a server that has been up for a minute. */
const WARM_UP = { calls: 100, turns: 10, pace: { kind: 'backToBack', atOnce: 50 } } as const;

/** What callers of an open loop do, for the page. */
export const OPEN_LOOP = [
  `Open loop: a turn every ${EVERY_MS / 1_000} s and call, calls 0 to ${AGES.maxAge} turns old, a model that answers at once,`,
  'one core for the server. From the ask to the end of the first whole sentence of the answer, in milliseconds; of',
  `${TURNS.turns} turns of each call the first is left out, since all calls are new to the server and old.`,
];

/** Plays so many calls against a fresh server at the pace of people. */
export async function playOpenLoop(
  name: SubjectName,
  calls: number,
  { seed, note }: ModeOptions,
  rig: Rig,
  env: Readonly<Record<string, string>> = {},
): Promise<Round> {
  await rig.model.behave({ seed, ...AT_ONCE });
  await using subject = await startSubject(name, { modelUrl: rig.model.url, env });
  await playRound(subject, rig, { ...WARM_UP, ...AGES, seed });
  const pace = { kind: 'open', everyMs: EVERY_MS } as const;
  const round = await playRound(subject, rig, { seed, calls, ...TURNS, ...AGES, pace });
  note(`${name.padEnd(8)} ${calls} calls: ${describe(round)}`);
  return round;
}

function describe({ result, serverRatio, rigRatio }: Round): string {
  const { p50, p99 } = percentilesOf(result.answerMs);
  const shares = `server ${percent(serverRatio)}, generator ${percent(rigRatio)} of a core`;
  return `p50 ${p50.toFixed(2)}, p99 ${p99.toFixed(2)} ms, ${result.lost} lost; ${shares}, ${result.lateMs.toFixed(0)} ms late`;
}

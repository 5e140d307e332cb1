import { type Findings, type Mode, type ModeOptions, table } from '../mode.ts';
import { startProbed } from '../probed.ts';
import { startRig } from '../rig.ts';
import { playRound } from '../round.ts';

/** Two hours of a turn every 6 s, a tool in each: its frames carry both transcripts, about 3 MB. */
const AGE_TURNS = 1_190;
const TURNS = 10;
/** Twice as fast as people talk. */
const EVERY_MS = 3_000;
const LIMIT_MS = 20;

/** What the end of a two-hour call does to the event loop, and so to every other call of the process. */
export const longMode: Mode = { name: 'long', title: 'A two-hour call with tool transcripts', run: measureLong };

async function measureLong({ seed, note }: ModeOptions): Promise<Findings> {
  await using rig = await startRig();
  const { generator, model } = rig;
  await using house = await startProbed({ modelUrl: model.url, env: { BENCH_HEARS_DIGITS: '1' } });
  const pace = { kind: 'open', everyMs: EVERY_MS } as const;
  await playRound(house, rig, { seed, calls: 50, turns: 10, pace: { kind: 'backToBack', atOnce: 50 } });
  const load = { seed, calls: 1, turns: TURNS, minAge: AGE_TURNS, hasTools: true, pace };
  await generator.open({ ...load, port: house.port });
  await house.probe();
  const result = await generator.play();
  const { loop } = await house.probe();
  const figure = Math.max(loop.delayP99, loop.waitP99);
  await generator.close();
  const answer = Math.max(...result.answerMs);
  note(`p99 ${figure.toFixed(1)}, at worst ${loop.waitMax.toFixed(1)} ms; ${result.lost} turns lost`);
  return {
    lines: [
      `The last ${TURNS} of ${AGE_TURNS + TURNS} turns of one call, a turn every ${EVERY_MS / 1_000} s, 7 frames each, with a tool's call and result at every turn.`,
      "Milliseconds: Node's own monitor of the event loop, every 10 ms; and what arrives at any moment waits for it.",
      '',
      ...table(
        ['monitor p99', 'wait p99', 'wait at worst', 'slowest answer'],
        [[loop.delayP99, loop.waitP99, loop.waitMax, answer].map((ms) => ms.toFixed(1))],
      ),
    ],
    goals: [
      {
        claim: `Goal 2: p99 of the delay, either way, under ${LIMIT_MS} ms, 0 turns lost`,
        figure: `${figure.toFixed(1)} ms, ${result.lost} lost`,
        isHeld: figure < LIMIT_MS && result.lost === 0,
      },
    ],
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { type Findings, type Mode, type ModeOptions, table } from '../mode.ts';
import type { Probe } from '../probe.ts';
import { startProbed } from '../probed.ts';
import { startRig } from '../rig.ts';
import { playRound } from '../round.ts';
import { untilQuiet } from '../subjects.ts';

const CALLS = 5_000;
const TURNS = 10;
const LIMIT_KB = 100;
/** So many turns at a time: enough to keep the server busy, few enough for pings to be echoed in time. */
const AT_ONCE = 32;
/** A frame kept for comparison is let go of after 30 s without another. */
const SILENCE_MS = 35_000;

/** What a live call costs in memory, after collection. */
export const memoryMode: Mode = { name: 'memory', title: 'Memory per live call', run: measureMemory };

async function measureMemory({ seed, note }: ModeOptions): Promise<Findings> {
  await using rig = await startRig();
  const { generator, model } = rig;
  await using house = await startProbed({ modelUrl: model.url });
  const pace = { kind: 'backToBack', atOnce: AT_ONCE } as const;
  await playRound(house, rig, { seed, calls: 100, turns: TURNS, pace });
  const before = await house.probe();
  await generator.open({ seed, calls: CALLS, turns: TURNS, pace, port: house.port });
  note(`${CALLS} calls are open`);
  const result = await generator.play();
  await untilQuiet(house.process);
  const after = await house.probe();
  note(`all have had their ${TURNS} turns, ${result.lost} were lost: ${describe(before, after)}`);
  await sleep(SILENCE_MS);
  const silent = await house.probe();
  note(`silent for ${SILENCE_MS / 1_000} s: ${describe(before, silent)}`);
  await generator.close();
  const { live, resident } = perCall(before, after);
  const kilobytes = Math.max(live, resident);
  const gone = Object.values(result.broken).reduce((sum, count) => sum + count, 0);
  return {
    lines: [
      `${CALLS} calls that have had ${TURNS} turns each, then pings only. Kilobytes a call, over the same server without`,
      'calls: *live* is heap and buffers after collection, *resident* what the kernel counts, free pages of the heap included.',
      '',
      ...table(
        ['', 'live', 'of it heap', 'of it outside', 'resident'],
        [rowOf('right after the last turn', before, after), rowOf(`${SILENCE_MS / 1_000} s later`, before, silent)],
      ),
    ],
    goals: [
      {
        claim: `Goal 3: at most ${LIMIT_KB} KB per live call at ${CALLS} calls of ${TURNS} turns, by the larger figure`,
        figure: `${kilobytes.toFixed(1)} KB; ${result.lost} turns, ${gone} sockets lost`,
        isHeld: kilobytes <= LIMIT_KB && result.lost + gone === 0,
      },
    ],
  };
}

function perCall(before: Probe, now: Probe) {
  const each = (of: (probe: Probe) => number) => (of(now) - of(before)) / CALLS / 1_024;
  return {
    live: each(({ heapUsed, external }) => heapUsed + external),
    heap: each(({ heapUsed }) => heapUsed),
    outside: each(({ external }) => external),
    resident: each(({ resident }) => resident),
  };
}

function describe(before: Probe, now: Probe): string {
  const { live, resident } = perCall(before, now);
  return `${live.toFixed(1)} KB live, ${resident.toFixed(1)} KB resident a call`;
}

function rowOf(when: string, before: Probe, now: Probe): readonly string[] {
  const { live, heap, outside, resident } = perCall(before, now);
  return [when, ...[live, heap, outside, resident].map((kilobytes) => kilobytes.toFixed(1))];
}

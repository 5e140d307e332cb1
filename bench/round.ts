import type { LoadOrder, LoadResult } from './load-order.ts';
import { MAX_RIG_RATIO, type Rig, watchRig } from './rig.ts';
import { type Subject, untilQuiet } from './subjects.ts';

/** One load played against one server. */
export interface Round {
  readonly result: LoadResult;
  /** CPU time of the server, from the first turn until it has nothing left to do, a turn. */
  readonly cpuMsPerTurn: number;
  /** The same for opening the calls, a call: upgrade, greeting, what is kept of it. */
  readonly cpuMsPerCall: number;
  /** Part of its core that the server used while turns were played. */
  readonly serverRatio: number;
  /** The same of generator and model together. */
  readonly rigRatio: number;
}

/** Thrown by a round whose figures say nothing: the generator was busy, or turns were lost. */
export class VoidRound extends Error {}

/** Opens, plays and closes one load. */
export async function playRound(
  { port, process: server }: Subject,
  rig: Rig,
  load: Omit<LoadOrder, 'port'>,
): Promise<Round> {
  const { generator } = rig;
  const idleMs = server.cpuMs();
  await generator.open({ ...load, port });
  const openedMs = await untilQuiet(server);
  const look = watchRig(rig);
  const result = await generator.play();
  const rigRatio = look();
  const playedMs = server.cpuMs();
  const quietMs = await untilQuiet(server);
  await generator.close();
  await untilQuiet(server);
  const turns = load.calls * load.turns;
  return {
    result,
    cpuMsPerTurn: (quietMs - openedMs) / turns,
    cpuMsPerCall: (openedMs - idleMs) / load.calls,
    serverRatio: (playedMs - openedMs) / result.durationMs,
    rigRatio,
  };
}

/** A round counts only if every turn was answered and the generator had time to spare. */
export function checkRound({ result, rigRatio }: Round): void {
  if (rigRatio > MAX_RIG_RATIO) {
    throw new VoidRound(`generator and model used ${(rigRatio * 100).toFixed(0)} % of its core`);
  }
  if (result.lost > 0 || Object.keys(result.broken).length > 0)
    throw new VoidRound(`${result.lost} turns were lost: ${JSON.stringify(result.broken)}`);
}

/** A round that does not count is played again this often, each time with a fresh server. */
const MAX_TRIES = 3;

/** Plays until a round counts; throws when none of the tries did, or anything else went wrong. */
export async function untilItCounts<T>(name: string, note: (line: string) => void, play: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await play();
    } catch (thrown) {
      if (!(thrown instanceof VoidRound) || attempt === MAX_TRIES) throw thrown;
      note(`${name} does not count: ${thrown.message}`);
    }
  }
}

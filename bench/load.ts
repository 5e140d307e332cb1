import { performance } from 'node:perf_hooks';
import { type ClientCall, dial } from './client-call.ts';
import type { LoadOrder, LoadResult } from './load-order.ts';
import { type Moment, momentsOf } from './moments.ts';
import type { TurnFrames } from './script.ts';
import { framesFor, scriptsOf } from './shelf.ts';
import { spokenMoments } from './speech.ts';

const PING_EVERY_MS = 2_000;
const PING_ROUNDS = 40;
const DIALLED_AT_ONCE = 50;
/** After the last ask, answers are waited for this long: longer than the server's own fallback. */
const PATIENCE_MS = 8_000;

/** Call ids differ between the loads of a process. */
let loads = 0;

interface Player {
  readonly call: ClientCall;
  readonly frames: readonly TurnFrames[];
  next: number;
  isWaiting: boolean;
}

/** Calls that are open and can be played. */
export interface OpenLoad {
  play(): Promise<LoadResult>;
  close(): void;
}

/** Dials every call and settles once each has heard its begin message. */
export async function openLoad(order: LoadOrder): Promise<OpenLoad> {
  loads++;
  const scripts = scriptsOf(order);
  const { uncounted = 0 } = order;
  const players: Player[] = [];
  const broken: Record<string, number> = {};
  const answerMs: number[] = [];
  let answered = 0;
  let lost = 0;
  let wake = () => {};
  let onTurnOver = (_player: Player) => {};

  const dialNext = (index: number) =>
    new Promise<void>((resolve) => {
      const call = dial(order.port, `call_bench_${process.pid}_${loads}_${index}`, {
        onOpen: resolve,
        onAnswer(afterMs) {
          if (player.isWaiting && player.next > uncounted) answerMs.push(afterMs);
        },
        onComplete(hasAnswer) {
          if (!player.isWaiting) return;
          player.isWaiting = false;
          if (hasAnswer) answered++;
          else lost++;
          onTurnOver(player);
        },
        onBroken(why) {
          broken[why] = (broken[why] ?? 0) + 1;
          player.next = order.turns;
          resolve();
          if (!player.isWaiting) return;
          player.isWaiting = false;
          lost++;
          onTurnOver(player);
        },
      });
      const player: Player = { call, frames: framesFor(order, scripts, index), next: 0, isWaiting: false };
      players.push(player);
    });

  let dialled = 0;
  const dialOn = async () => {
    while (dialled < order.calls) await dialNext(dialled++);
  };
  const stopPings = pingAll(players);
  await Promise.all(Array.from({ length: DIALLED_AT_ONCE }, dialOn));

  return {
    async play() {
      answerMs.length = 0;
      answered = 0;
      lost = 0;
      const startedAt = performance.now();
      const lateMs =
        order.pace.kind === 'open' ? await playOpen(order.pace.everyMs) : await playBackToBack(order.pace.atOnce);
      for (const player of players) {
        if (player.isWaiting) lost++;
        player.isWaiting = false;
      }
      return { answered, lost, broken, answerMs: [...answerMs], lateMs, durationMs: performance.now() - startedAt };
    },
    close() {
      stopPings();
      for (const { call } of players) call.close();
    },
  };

  /** Calls take turns in a queue, so that all of them grow old together. */
  async function playBackToBack(atOnce: number): Promise<number> {
    const queue = players.filter(({ frames }) => frames.length > 0);
    let at = 0;
    let playing = 0;
    const done = Promise.withResolvers<void>();
    const startNext = () => {
      while (playing < atOnce && at < queue.length) {
        const player = queue[at++];
        const frames = player?.frames[player.next];
        if (!player || !frames) continue;
        playing++;
        player.next++;
        player.isWaiting = true;
        player.call.sendTurn(frames);
      }
      if (at > 4_096) at -= queue.splice(0, at).length;
      if (playing === 0) done.resolve();
    };
    onTurnOver = (player) => {
      playing--;
      queue.push(player);
      startNext();
    };
    startNext();
    await done.promise;
    return 0;
  }

  /** Every frame has its own moment, set beforehand. Nothing waits for an answer. */
  async function playOpen(everyMs: number): Promise<number> {
    const moments = order.speech ? spokenMoments(players.map(({ frames }) => frames)) : momentsOf(order, everyMs);
    const startedAt = performance.now();
    let lateMs = 0;
    let at = 0;
    onTurnOver = () => wake();
    while (at < moments.length) {
      const now = performance.now() - startedAt;
      for (let due = moments[at]; due && due.atMs <= now; due = moments[++at]) {
        lateMs = Math.max(lateMs, performance.now() - startedAt - due.atMs);
        perform(due);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const until = performance.now() + PATIENCE_MS;
    while (players.some(({ isWaiting }) => isWaiting) && performance.now() < until) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 50);
      });
    }
    return lateMs;
  }

  function perform({ index, turn, update }: Moment): void {
    const player = players[index];
    const frames = player?.frames[turn];
    if (!player || !frames) return;
    if (update !== undefined) {
      const frame = frames.updates[update];
      if (frame) player.call.sendUpdate(frame);
      return;
    }
    if (player.isWaiting) lost++;
    player.isWaiting = frames.isReasked !== true;
    player.next = turn + 1;
    player.call.sendAsk(frames);
  }
}

/** Retell pings every 2 s; a fortieth of the calls at a time. */
function pingAll(players: readonly Player[]): () => void {
  let round = 0;
  const timer = setInterval(() => {
    for (let index = round; index < players.length; index += PING_ROUNDS) players[index]?.call.ping();
    round = (round + 1) % PING_ROUNDS;
  }, PING_EVERY_MS / PING_ROUNDS);
  return () => clearInterval(timer);
}

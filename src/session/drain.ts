import type { Call } from '../call/call.ts';
import type { Clock } from '../std/clock.ts';
import type { Seat } from './seat.ts';

/**
 * How a process parts with its calls. `together`: all at once as soon as no turn is open in any, since the process that
 * comes after it is the only one that can take them. `handOver`: one after another, each between two turns, to other
 * processes. `wait`: not at all, until they end.
 */
export type DrainMode = 'together' | 'handOver' | 'wait';

export interface Drain {
  /** A call has moved: it may be the one that was waited for. */
  look(): void;
  stop(): void;
}

/** 25 sockets a second: those who take the calls read each from the store. */
const HAND_OVER_EVERY_MS = 40;
/**
 * What Retell says to a socket that we let go of is lost. It asks for nothing while the agent's words are being spoken,
 * so a call goes right after its turn was closed; one that closes none is moved all the same, after a while.
 */
const SPOKEN_FOR_MS = 300;
const QUIET_AFTER_MS = 5_000;
/** Retell dials back four times in a call's life; failures need some of them. */
const MAX_MOVES = 2;
/** Those that were waited for in vain are handed over in the last minute. */
const HAND_OVER_WITHIN_MS = 60_000;

/** The turn that a call closed last, and when that was first seen. */
interface Closing {
  readonly turn: Call['lastTurn'];
  readonly seenAt: number;
}

/** Lets go of every seat, as the mode says, and of those left after `withinMs` all the same. */
export function startDrain(mode: DrainMode, withinMs: number, seats: () => Iterable<Seat>, clock: Clock): Drain {
  switch (mode) {
    case 'together':
      return leaveTogether(withinMs, seats, clock);
    case 'handOver':
      return handOver(withinMs, seats, clock);
    case 'wait': {
      let drain: Drain | undefined;
      const lastMs = Math.min(withinMs, HAND_OVER_WITHIN_MS);
      const cancel = clock.after(withinMs - lastMs, () => {
        drain = handOver(lastMs, seats, clock);
      });
      return {
        look() {},
        stop() {
          cancel();
          drain?.stop();
        },
      };
    }
    default:
      return mode satisfies never;
  }
}

function leaveTogether(withinMs: number, seats: () => Iterable<Seat>, clock: Clock): Drain {
  let hasLeft = false;
  const leave = () => {
    if (hasLeft) return;
    hasLeft = true;
    for (const seat of seats()) seat.push({ kind: 'release' });
  };
  const look = () => {
    if (![...seats()].some(({ call }) => call?.phase.kind === 'speaking')) leave();
  };
  const stop = clock.after(withinMs, leave);
  look();
  return { look, stop };
}

function handOver(withinMs: number, seats: () => Iterable<Seat>, clock: Clock): Drain {
  const moved = new Set<Seat>();
  const closings = new Map<Seat, Closing>();
  const beganAt = clock.now();
  const note = () => {
    for (const seat of seats()) {
      const turn = seat.call?.lastTurn;
      const known = closings.get(seat);
      if (known && known.turn === turn) continue;
      // What was closed before is not seen to be closed.
      closings.set(seat, { turn, seenAt: known ? clock.now() : Number.NEGATIVE_INFINITY });
    }
  };
  const mayMoveNow = (seat: Seat) => {
    const now = clock.now();
    if (now - beganAt >= withinMs) return true;
    if (!mayMove(seat)) return false;
    const { seenAt = Number.NEGATIVE_INFINITY } = closings.get(seat) ?? {};
    return now - seenAt <= SPOKEN_FOR_MS || now - beganAt >= QUIET_AFTER_MS;
  };
  const moveOne = () => {
    note();
    for (const seat of seats()) {
      if (moved.has(seat) || !mayMoveNow(seat)) continue;
      moved.add(seat);
      seat.push({ kind: 'release', isMove: true });
      return;
    }
  };
  note();
  return { look() {}, stop: clock.every(HAND_OVER_EVERY_MS, moveOne) };
}

function mayMove({ call }: Seat): boolean {
  return call !== undefined && call.phase.kind !== 'speaking' && (call.moves ?? 0) < MAX_MOVES;
}

import type { Clock } from './clock.ts';

export interface LoopWork<Piece> {
  /** Pieces at once. */
  readonly concurrency: number;
  /** Takes up to `room` pieces that are due, and says in how many milliseconds another one is. Never rejects. */
  take(room: number): Promise<{ readonly pieces: readonly Piece[]; readonly againInMs: number }>;
  /** Does one and writes down what came of it. Never rejects. */
  run(piece: Piece): Promise<void>;
}

/** Pieces at once, for who says nothing about them. */
export const DEFAULT_CONCURRENCY = 5;

/** Who waits for work on one store; ringing makes them look at once. */
export type Bells = Set<() => void>;

/**
 * Takes pieces of work and runs them, so many at once, until the signal aborts; settles when those in hand are settled.
 * Between looks it waits for the time it was told, a bell, or a piece that ended.
 */
export async function workLoop<Piece>(
  work: LoopWork<Piece>,
  bells: Bells,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const inHand = new Set<Promise<void>>();
  // Rung while it looked: what rang may have come after what was read.
  let isRung = false;
  let wake = () => {};
  const ring = () => {
    isRung = true;
    wake();
  };
  bells.add(ring);
  signal.addEventListener('abort', ring);
  try {
    while (!signal.aborted) {
      isRung = false;
      const room = work.concurrency - inHand.size;
      const { pieces, againInMs } = room > 0 ? await work.take(room) : { pieces: [], againInMs: undefined };
      for (const piece of pieces) {
        const running = work.run(piece).finally(() => {
          inHand.delete(running);
          ring();
        });
        inHand.add(running);
      }
      if (isRung || (againInMs !== undefined && againInMs <= 0)) continue;
      await new Promise<void>((resolve) => {
        const cancel = againInMs === undefined ? () => {} : clock.after(againInMs, resolve);
        wake = () => {
          cancel();
          resolve();
        };
      });
    }
  } finally {
    bells.delete(ring);
    signal.removeEventListener('abort', ring);
    await Promise.all(inHand);
  }
}

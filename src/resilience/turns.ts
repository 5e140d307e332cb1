import { Fault } from '../std/fault.ts';

/** Runs work when its turn has come. @throws Fault `bulkhead.full`; the signal's reason when it aborts while it waits */
export type TakeTurn = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/**
 * Lets `places` pieces of work run at once, the others one after the other in the order they came in: for work that
 * nobody on the line waits for.
 *
 * @param name whose turns they are, for the Fault's detail
 * @param limit pieces that may wait; the next one is refused
 */
export function createTurns(name: string, places: number, limit: number): TakeTurn {
  let free = places;
  const waiting = new Set<() => void>();

  return async (work, signal) => {
    signal.throwIfAborted();
    if (free > 0) free--;
    else await turn(signal);
    try {
      return await work();
    } finally {
      next();
    }
  };

  function turn(signal: AbortSignal): Promise<void> {
    if (waiting.size >= limit)
      throw new Fault('exhausted', 'bulkhead.full', `expected at most ${limit} to wait, this would be one more`, {
        detail: { name, limit },
      });
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        waiting.delete(begin);
        reject(signal.reason);
      };
      waiting.add(begin);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** A place that is given back goes to who waits longest: nobody who comes now is before them. */
  function next(): void {
    const [begin] = waiting;
    if (!begin) {
      free++;
      return;
    }
    waiting.delete(begin);
    begin();
  }
}

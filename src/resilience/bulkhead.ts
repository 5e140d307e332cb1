import { Fault } from '../std/fault.ts';

export interface Bulkhead {
  /** Runs `fn` while there is room, else throws Fault `bulkhead.full` without having called it. */
  run<T>(fn: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /**
   * Takes a place for work that is not one promise (a stream); the returned function gives it back, once.
   *
   * @throws Fault `bulkhead.full`
   */
  enter(): () => void;
}

/**
 * Lets `limit` pieces of work run at once and refuses the next. There is no queue: a turn that waits in line is
 * late already, and a refused one can try another model.
 *
 * @param name whose bulkhead it is, for the Fault's detail
 */
export function createBulkhead(name: string, limit: number): Bulkhead {
  let inUse = 0;

  const enter = () => {
    if (inUse >= limit)
      throw new Fault('exhausted', 'bulkhead.full', `expected at most ${limit} at once, this would be one more`, {
        detail: { name, limit },
      });
    inUse++;
    let isInside = true;
    return () => {
      if (isInside) inUse--;
      isInside = false;
    };
  };

  return {
    enter,
    async run(fn, signal) {
      signal.throwIfAborted();
      const leave = enter();
      try {
        return await fn(signal);
      } finally {
        leave();
      }
    },
  };
}

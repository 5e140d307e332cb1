import { Fault } from '../std/fault.ts';
import type { Policy } from './policy.ts';

export interface Bulkhead extends Policy {
  /**
   * Takes a place for work that is not one promise (a stream); the returned function gives it back, once.
   *
   * @throws Fault `bulkhead.full`
   */
  enter(): () => void;
  readonly inUse: number;
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
    get inUse() {
      return inUse;
    },
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

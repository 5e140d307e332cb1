import type { DialQueue } from '../operations/dial-queue.ts';
import { lazily } from '../std/lazily.ts';

/** A queue that may be asked before it is loaded. */
export interface LateDialQueue extends DialQueue {
  /** Loads it, and has it look after those who wait; the first question would. Idempotent. */
  load(): Promise<void>;
}

/** A queue made by `make` only once it is wanted, so that no start waits for it. */
export function lateDialQueue(make: () => Promise<DialQueue>): LateDialQueue {
  let made: DialQueue | undefined;
  const wanted = lazily(async () => {
    made = await make();
    return made;
  });
  return {
    async load() {
      await wanted();
    },
    place: async (order, requestId) => (await wanted()).place(order, requestId),
    find: async (id, signal) => (await wanted()).find(id, signal),
    list: async (signal) => (await wanted()).list(signal),
    cancel: async (id, signal) => (await wanted()).cancel(id, signal),
    waiting: async (signal) => (await wanted()).waiting(signal),
    close: async () => made?.close(),
  };
}

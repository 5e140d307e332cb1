import type { CallEvent } from '../../call/events.ts';

interface PendingFact {
  readonly position: number;
  readonly event: CallEvent;
}

/** Facts waiting to leave, as both the call store and the records keep them. */
export interface MemoryOutbox {
  append(facts: readonly CallEvent[]): void;
  pending(limit: number): readonly PendingFact[];
  forget(positions: readonly number[]): void;
}

export function memoryOutbox(): MemoryOutbox {
  const facts = new Map<number, CallEvent>();
  let last = 0;
  return {
    append(appended) {
      for (const fact of appended) facts.set(++last, fact);
    },
    pending: (limit) => [...facts].slice(0, limit).map(([position, event]) => ({ position, event })),
    forget(positions) {
      for (const position of positions) facts.delete(position);
    },
  };
}

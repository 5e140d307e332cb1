import type { CallEvent } from '../../call/events.ts';
import type { ConsumerGroup, EventLog } from '../../ports/event-log.ts';
import type { Clock } from '../../std/clock.ts';
import type { Fault } from '../../std/fault.ts';

interface Waiting {
  readonly event: CallEvent;
  readonly attempt: number;
  /** Not delivered before: the end of a lease or of a retry's delay. */
  readonly dueAt: number;
}

interface Group {
  /** Events up to here were taken over into `waiting`. */
  cursor: number;
  readonly waiting: Map<number, Waiting>;
}

export interface MemoryEventLog extends EventLog {
  /** What was buried, for tests to look at. */
  readonly deadLetters: readonly { readonly group: string; readonly event: CallEvent; readonly fault: Fault }[];
}

/** The event log in memory, for tests of other rooms. */
export function memoryEventLog(clock: Clock): MemoryEventLog {
  const events: CallEvent[] = [];
  const known = new Set<string>();
  const groups = new Map<string, Group>();
  const deadLetters: { group: string; event: CallEvent; fault: Fault }[] = [];

  const groupOf = (name: string): Group => {
    const group = groups.get(name) ?? { cursor: 0, waiting: new Map<number, Waiting>() };
    groups.set(name, group);
    return group;
  };
  /** The group, with what was published since it last read. */
  const caughtUp = ({ name, types }: ConsumerGroup): Group => {
    const group = groupOf(name);
    for (; group.cursor < events.length; group.cursor++) {
      const event = events[group.cursor];
      if (event && (types?.includes(event.type) ?? true))
        group.waiting.set(group.cursor, { event, attempt: 0, dueAt: 0 });
    }
    return group;
  };

  return {
    deadLetters,
    async publish(published, signal) {
      signal.throwIfAborted();
      for (const event of published) {
        const key = `${event.callId} ${event.epoch} ${event.seq}`;
        if (!known.has(key)) events.push(event);
        known.add(key);
      }
    },
    async read(readers, limit, leaseMs, signal) {
      signal.throwIfAborted();
      const { waiting } = caughtUp(readers);
      const now = clock.now();
      const seen = new Set<string>();
      const due: [number, Waiting][] = [];
      for (const [position, entry] of waiting) {
        if (due.length >= limit) break;
        if (!seen.has(entry.event.callId) && entry.dueAt <= now) due.push([position, entry]);
        seen.add(entry.event.callId);
      }
      return due.map(([position, { event, attempt }]) => {
        waiting.set(position, { event, attempt: attempt + 1, dueAt: now + leaseMs });
        return { id: String(position), event, attempt: attempt + 1 };
      });
    },
    async ack(name, id, signal) {
      signal.throwIfAborted();
      groupOf(name).waiting.delete(Number(id));
    },
    async retry(name, id, delayMs, signal) {
      signal.throwIfAborted();
      const { waiting } = groupOf(name);
      const entry = waiting.get(Number(id));
      if (entry) waiting.set(Number(id), { ...entry, dueAt: clock.now() + delayMs });
    },
    async bury(name, id, fault, signal) {
      signal.throwIfAborted();
      const { waiting } = groupOf(name);
      const entry = waiting.get(Number(id));
      if (entry && waiting.delete(Number(id))) deadLetters.push({ group: name, event: entry.event, fault });
    },
  };
}

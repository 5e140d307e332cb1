import type { Clock } from './clock.ts';

/** What is due at every full so many minutes of the hour. */
export interface Timetable {
  /** @param everyMinutes a divisor of 60; a name that is known stays as it is */
  add(name: string, everyMinutes: number): void;
  /** The names whose time has come since it was last asked, each once however often it came. */
  due(): readonly string[];
  /** Milliseconds until the next one; undefined when there is none. */
  nextInMs(): number | undefined;
}

interface Line {
  readonly everyMs: number;
  /** The slot that was told last. */
  told: number;
}

export function createTimetable(clock: Clock): Timetable {
  const lines = new Map<string, Line>();
  return {
    add(name, everyMinutes) {
      const everyMs = everyMinutes * 60_000;
      if (!lines.has(name)) lines.set(name, { everyMs, told: Math.floor(clock.now() / everyMs) });
    },
    due() {
      const names: string[] = [];
      for (const [name, line] of lines) {
        const slot = Math.floor(clock.now() / line.everyMs);
        if (slot > line.told) names.push(name);
        line.told = slot;
      }
      return names;
    },
    nextInMs() {
      const now = clock.now();
      const waits = [...lines.values()].map(({ everyMs, told }) => (told + 1) * everyMs - now);
      return waits.length === 0 ? undefined : Math.max(0, Math.min(...waits));
    },
  };
}

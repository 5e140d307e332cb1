import type { Clock } from './clock.ts';

/** A clock that stands still until a test moves it. Timers fire in order of their time, then of their making. */
export class ManualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly run: () => void }>();

  constructor(startAt = 1_800_000_000_000) {
    this.#now = startAt;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const id = this.#order++;
    this.#timers.set(id, { at: this.#now + Math.max(0, delayMs), run });
    return () => this.#timers.delete(id);
  }

  every(everyMs: number, run: () => void): () => void {
    const again = () => {
      cancel = this.after(everyMs, again);
      run();
    };
    let cancel = this.after(everyMs, again);
    return () => cancel();
  }

  /** Moves time forward, firing what falls due; between two timers the microtasks they started may run. */
  async advance(byMs: number): Promise<void> {
    const end = this.#now + byMs;
    await settle();
    for (;;) {
      const next = [...this.#timers].filter(([, t]) => t.at <= end).sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
      if (!next) break;
      const [id, timer] = next;
      this.#timers.delete(id);
      this.#now = timer.at;
      timer.run();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything that needs no time, only turns of the event loop, come to rest. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

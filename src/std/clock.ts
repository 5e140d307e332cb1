/**
 * Time, as an argument. Everything that waits or measures takes a Clock, so tests own time.
 *
 * `now()` is epoch milliseconds that never step back within a process (the wall clock read once, then
 * monotonic), so deadlines survive an NTP step and stored times compare across processes.
 * `wall()` follows the machine's clock; only signatures and webhooks, which another machine dates, use it.
 */
export interface Clock {
  now(): number;
  wall(): number;
  /**
   * Calls `run` once, `delayMs` from now and never earlier; the returned function cancels it. What the network has
   * brought by then is read first: a process that stood still takes nobody else for late. Never keeps the process alive.
   */
  after(delayMs: number, run: () => void): () => void;
  /**
   * Calls `run` about every `everyMs`, until the returned function is called; the network first, as in `after`. For what
   * a thousand calls look at every second, since nothing that lasts is made anew each time. Never keeps the process alive.
   */
  every(everyMs: number, run: () => void): () => void;
}

/** Node takes what is longer for a millisecond. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function unrefTimer(run: () => void, delayMs: number): NodeJS.Timeout {
  return setTimeout(run, Math.min(Math.ceil(delayMs), LONGEST_TIMER_MS)).unref();
}

const startedAt = Date.now() - performance.now();

export const systemClock: Clock = {
  now: () => startedAt + performance.now(),
  wall: () => Date.now(),
  after(delayMs, run) {
    const dueAt = performance.now() + delayMs;
    let timer: NodeJS.Timeout;
    let turn: NodeJS.Immediate | undefined;
    // Node cuts both delay and time to whole milliseconds, so that its timers run up to two early.
    const wait = () => {
      const leftMs = dueAt - performance.now();
      if (leftMs <= 0) {
        // Timers run before sockets are read, immediates after.
        turn = setImmediate(run);
        return;
      }
      timer = unrefTimer(wait, leftMs);
    };
    timer = unrefTimer(wait, Math.max(0, delayMs));
    return () => {
      clearTimeout(timer);
      clearImmediate(turn);
    };
  },
  every(everyMs, run) {
    let turn: NodeJS.Immediate | undefined;
    const runNow = () => {
      turn = undefined; // what is kept until the next look is copied when memory is collected
      run();
    };
    const timer = setInterval(() => {
      turn = setImmediate(runNow);
    }, everyMs);
    timer.unref();
    return () => {
      clearInterval(timer);
      clearImmediate(turn);
    };
  },
};

/** Waits `delayMs`, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * Loaded before the server when memory or the event loop is measured (`node --expose-gc --import`), so that the server
 * itself needs no hook for it. On SIGUSR2 it collects, and appends one line of JSON to BENCH_PROBE_FILE.
 */
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

export interface Probe {
  readonly heapUsed: number;
  /** Outside the heap: buffers, and what native code holds for objects. */
  readonly external: number;
  readonly resident: number;
  /** The event loop since the last probe, in milliseconds. */
  readonly loop: {
    /** The 99th percentile of Node's own monitor, every 10 ms: what metrics show. */
    readonly delayP99: number;
    /** What arrives at any moment waits for the loop this long in 1 of 100 cases, and at worst. */
    readonly waitP99: number;
    readonly waitMax: number;
  };
}

/** What one collection frees, finalizers of the next may free more of. */
const COLLECTIONS = 4;
const monitor = monitorEventLoopDelay();
let gaps: number[] = [];
let last = performance.now();

setInterval(() => {
  const now = performance.now();
  gaps.push(now - last);
  last = now;
}, 1).unref();
monitor.enable();
process.on('SIGUSR2', () => {
  const waitMax = Math.max(...gaps);
  const loop = { delayP99: monitor.percentile(99) / 1e6, waitP99: waitOf(gaps, 0.01), waitMax };
  monitor.disable();
  collect(COLLECTIONS, () => {
    const { heapUsed, external, rss } = process.memoryUsage();
    const probe: Probe = { heapUsed, external, resident: rss, loop };
    appendFileSync(process.env.BENCH_PROBE_FILE ?? '/dev/null', `${JSON.stringify(probe)}\n`);
    gaps = [];
    last = performance.now();
    monitor.reset();
    monitor.enable();
  });
});

function collect(times: number, done: () => void): void {
  globalThis.gc?.();
  if (times > 1) setTimeout(collect, 20, times - 1, done);
  else done();
}

/**
 * The wait that this part of all moments exceeds. Counting gaps alone would hide a stall: it is one gap of many, but
 * whatever arrives during it waits. A moment falls into a gap as often as that is long, and waits for its end.
 */
function waitOf(all: readonly number[], part: number): number {
  const total = all.reduce((sum, gap) => sum + gap, 0);
  const exceeding = (ms: number) => all.reduce((sum, gap) => sum + Math.max(0, gap - ms), 0) / total;
  let [low, high] = [0, Math.max(...all)];
  while (high - low > 0.01) {
    const middle = (low + high) / 2;
    if (exceeding(middle) > part) low = middle;
    else high = middle;
  }
  return high;
}

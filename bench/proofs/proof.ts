import type { Distribution } from '../../src/simulator/run/statistics.ts';

/** A long proof: what it is called on the command line, and how it is run. */
export interface Proof {
  readonly name: string;
  /** Given up after this long. */
  readonly withinMs: number;
  /** Runs it, telling of each step. */
  run(signal: AbortSignal, tell: (line: string) => void): Promise<Proven>;
}

export interface Proven {
  /** Everything that was not as promised, as sentences; empty when it passed. */
  readonly failures: readonly string[];
  /** The page of results with what was found in its place. */
  writeInto(page: string): string;
}

/** p50 / p95 / p99 in whole milliseconds. */
export function times(distribution: Distribution): string {
  if (!('p50' in distribution)) return '–';
  return [distribution.p50, distribution.p95, distribution.p99].map((ms) => Math.round(ms)).join(' / ');
}

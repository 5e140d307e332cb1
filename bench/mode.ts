/** What every mode is told. */
export interface ModeOptions {
  readonly seed: number;
  /** Interleaved repetitions; the median of them counts. */
  readonly runs: number;
  /** The goals' own recipe, where the short one differs. */
  readonly isFull: boolean;
  /** One line of progress. */
  readonly note: (line: string) => void;
}

/** A goal, and what became of it. */
export interface Goal {
  readonly claim: string;
  readonly figure: string;
  readonly isHeld: boolean;
}

/** What a mode found: lines of Markdown, and its goals. */
export interface Findings {
  readonly lines: readonly string[];
  readonly goals: readonly Goal[];
}

export interface Mode {
  readonly name: string;
  readonly title: string;
  readonly run: (options: ModeOptions) => Promise<Findings>;
}

/** The middle of an odd number of figures, the mean of the two in the middle of an even one. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Nearest-rank percentiles; not a number where there are no samples. */
export function percentilesOf(samples: readonly number[]): {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
} {
  const sorted = Float64Array.from(samples).sort();
  const at = (ratio: number) => sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** A ratio as a page shows it. `digits` behind the point; default none. */
export function percent(ratio: number, digits = 0): string {
  return `${(ratio * 100).toFixed(digits)} %`;
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
}

/** Exact figures over all samples; without samples there are none. */
export type Distribution =
  | { readonly count: 0 }
  | {
      readonly count: number;
      readonly p50: number;
      readonly p95: number;
      readonly p99: number;
      readonly max: number;
    };

/** Nearest-rank percentiles over every sample, none dropped or binned, in the samples' unit. */
export function distributionOf(samples: readonly number[]): Distribution {
  const sorted = Float64Array.from(samples).sort();
  const max = sorted.at(-1);
  if (max === undefined) return { count: 0 };
  const at = (ratio: number) => sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)] ?? max;
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max };
}

/** The part of the whole, from 0 to 1; 0 when there is no whole. */
export function ratioOf(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** A ratio for people, with one decimal. */
export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}

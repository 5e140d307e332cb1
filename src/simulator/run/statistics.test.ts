import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distributionOf, percent, ratioOf } from './statistics.ts';

describe('a distribution', () => {
  it('is exact: every percentile is one of the samples', () => {
    const samples = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(distributionOf(samples)).toEqual({ count: 100, p50: 50, p95: 95, p99: 99, max: 100 });
    expect(distributionOf([7])).toEqual({ count: 1, p50: 7, p95: 7, p99: 7, max: 7 });
  });

  it('has no figures without samples', () => {
    expect(distributionOf([])).toEqual({ count: 0 });
  });

  it('leaves at most the stated share of samples above a percentile', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 300 }), (samples) => {
        const figures = distributionOf(samples);
        if (figures.count === 0 || !('p95' in figures)) return false;
        const above = samples.filter((sample) => sample > figures.p95).length;
        return above <= samples.length * 0.05 && samples.includes(figures.p95) && figures.p99 <= figures.max;
      }),
    );
  });

  it('has a ratio of nothing for nothing', () => {
    expect(ratioOf(0, 0)).toBe(0);
    expect(ratioOf(1, 4)).toBe(0.25);
  });

  it('shows a ratio as a percentage', () => {
    expect([0, 0.0625, 1].map(percent)).toEqual(['0.0 %', '6.3 %', '100.0 %']);
  });
});

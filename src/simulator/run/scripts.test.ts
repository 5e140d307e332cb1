import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../std/random.ts';
import { DEFAULT_SHARES, randomScript } from './scripts.ts';

const ALL = { bargeIn: 0.2, reask: 0.2, reminder: 0.2, drop: 0.2, digit: 0.2 };

describe('a random script', () => {
  it('has exactly the turns it was asked for, and begins with words', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 40 }), (seed, turns) => {
        const script = randomScript(turns, ALL, seededRandom(seed));
        return script.filter(({ kind }) => kind !== 'drop').length === turns && script[0]?.kind === 'say';
      }),
    );
  });

  it('is the same for the same seed, and another for another', () => {
    const of = (seed: number) => JSON.stringify(randomScript(30, ALL, seededRandom(seed)));
    expect(of(7)).toBe(of(7));
    expect(of(7)).not.toBe(of(8));
  });

  it('keeps to the shares over many turns', () => {
    const script = randomScript(20_000, DEFAULT_SHARES, seededRandom(1));
    const share = (kind: string) => script.filter((step) => step.kind === kind).length / 20_000;
    expect(share('bargeIn')).toBeCloseTo(0.1, 1);
    expect(share('reask')).toBeCloseTo(0.1, 1);
    expect(share('silence')).toBeCloseTo(0.02, 2);
    expect(share('drop')).toBeCloseTo(0.02, 2);
    expect(share('pressDigit')).toBe(0);
  });

  it('only speaks when every share is nought', () => {
    const none = { bargeIn: 0, reask: 0, reminder: 0, drop: 0, digit: 0 };
    expect(new Set(randomScript(100, none, seededRandom(3)).map(({ kind }) => kind))).toEqual(new Set(['say']));
  });
});

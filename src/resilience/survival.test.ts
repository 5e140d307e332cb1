import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepAt, survivalOf } from './survival.ts';

describe('survival', () => {
  it('is the plain share of longer waits where all of them ended', () => {
    expect(survivalOf([30, 10, 20, 20], [])).toEqual([
      { atMs: 10, share: 0.75, ended: 1, watched: 3 },
      { atMs: 20, share: 0.25, ended: 3, watched: 1 },
      { atMs: 30, share: 0, ended: 4, watched: 0 },
    ]);
  });

  it('shares what a wait that was given up would have shown among those that lasted as long', () => {
    // Kaplan and Meier's own example, in tenths of months.
    const curve = survivalOf([8, 31, 54, 92], [10, 27, 70, 121]);
    const shares = [8, 31, 54, 92].map((atMs) => stepAt(curve, atMs)?.share.toFixed(3));
    expect(shares).toEqual([7 / 8, 7 / 10, 21 / 40, 21 / 80].map((share) => share.toFixed(3)));
  });

  it('takes a wait given up at the moment another ended for the longer one', () => {
    expect(survivalOf([10], [10])).toEqual([{ atMs: 10, share: 0.5, ended: 1, watched: 0 }]);
  });

  it('knows nothing from nothing, and no end where none was seen', () => {
    expect(survivalOf([], [])).toEqual([]);
    expect(survivalOf([], [5, 7])).toEqual([
      { atMs: 5, share: 1, ended: 0, watched: 1 },
      { atMs: 7, share: 1, ended: 0, watched: 0 },
    ]);
  });

  it('never rises, stays between none and all, and watches fewer at each step', () => {
    const times = fc.array(fc.integer({ min: 0, max: 50 }));
    fc.assert(
      fc.property(times, times, (ended, givenUp) => {
        let [share, watched, atMs] = [1, ended.length + givenUp.length, -1];
        for (const step of survivalOf(ended, givenUp)) {
          expect(step.atMs).toBeGreaterThan(atMs);
          expect(step.share).toBeLessThanOrEqual(share);
          expect(step.share).toBeGreaterThanOrEqual(0);
          expect(step.watched).toBeLessThan(watched);
          ({ share, watched, atMs } = step);
        }
        expect(watched).toBe(0);
      }),
    );
  });
});

describe('the step at a time', () => {
  const curve = survivalOf([10, 20, 30], []);

  it.each([
    [9, undefined],
    [10, 10],
    [19, 10],
    [30, 30],
    [1_000, 30],
  ])('at %i is that of %s', (atMs, expected) => {
    expect(stepAt(curve, atMs)?.atMs).toBe(expected);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FailureWindow } from './failure-window.ts';

describe('failure window', () => {
  it('says exactly what the definition says, for any history', () => {
    const runs = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 4_000 }), isFailure: fc.boolean() }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(runs, (history) => {
        const window = new FailureWindow();
        const seen: { at: number; isFailure: boolean }[] = [];
        let at = 0;
        for (const { afterMs, isFailure } of history) {
          at += afterMs;
          seen.push({ at, isFailure });
          expect(window.record(at, isFailure)).toBe(shouldOpen(seen, at));
        }
      }),
    );
  });

  it('knows nothing of earlier runs once cleared', () => {
    const window = new FailureWindow();
    for (let i = 0; i < 9; i++) window.record(0, true);
    window.clear();
    expect([1, 2, 3, 4, 5].map(() => window.record(0, true))).toEqual([false, false, false, false, true]);
  });
});

/** Five in a row, or half of at least ten within the last ten seconds; only a failure opens. */
function shouldOpen(seen: readonly { at: number; isFailure: boolean }[], at: number): boolean {
  if (!seen.at(-1)?.isFailure) return false;
  if (seen.length >= 5 && seen.slice(-5).every((run) => run.isFailure)) return true;
  const recent = seen.filter((run) => run.at > at - 10_000);
  return recent.length >= 10 && recent.filter((run) => run.isFailure).length * 2 >= recent.length;
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FailureWindow } from './failure-window.ts';

const history = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 4_000 }),
    outcome: fc.constantFrom('success', 'failure', 'failure', 'takenBack'),
  }),
  { maxLength: 60 },
);

describe('failure window', () => {
  it('says exactly what the definition says, for any history', () => {
    fc.assert(
      fc.property(history, (runs) => {
        const window = new FailureWindow();
        const seen: { at: number; isFailure: boolean }[] = [];
        let at = 0;
        for (const { afterMs, outcome } of runs) {
          at += afterMs;
          if (outcome === 'success' || outcome === 'takenBack') {
            window.recordSuccess(at);
            seen.push({ at, isFailure: outcome === 'takenBack' });
          }
          if (outcome === 'takenBack') expect(window.takeBackSuccess(at)).toBe(shouldOpen(seen, at));
          if (outcome === 'failure') {
            seen.push({ at, isFailure: true });
            expect(window.recordFailure(at)).toBe(shouldOpen(seen, at));
          }
        }
      }),
    );
  });

  it('counts a success taken back as a failure in a row', () => {
    const window = new FailureWindow();
    for (let i = 0; i < 5; i++) {
      window.recordSuccess(i);
      expect(window.takeBackSuccess(i)).toBe(i === 4);
    }
  });

  it('counts a success that is no longer known as one more failure', () => {
    const window = new FailureWindow();
    expect([1, 2, 3, 4, 5].map((at) => window.takeBackSuccess(at))).toEqual([false, false, false, false, true]);
  });

  it('knows nothing of earlier runs once cleared', () => {
    const window = new FailureWindow();
    for (let i = 0; i < 9; i++) window.recordFailure(0);
    window.clear();
    expect([1, 2, 3, 4, 5].map(() => window.recordFailure(0))).toEqual([false, false, false, false, true]);
  });
});

/** Five in a row, or half of at least ten within the last ten seconds. */
function shouldOpen(seen: readonly { at: number; isFailure: boolean }[], at: number): boolean {
  if (seen.length >= 5 && seen.slice(-5).every((run) => run.isFailure)) return true;
  const recent = seen.filter((run) => run.at > at - 10_000);
  return recent.length >= 10 && recent.filter((run) => run.isFailure).length * 2 >= recent.length;
}

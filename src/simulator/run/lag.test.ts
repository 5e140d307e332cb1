import { describe, expect, it } from 'vitest';
import type { Clock } from '../../std/clock.ts';
import { ManualClock } from '../../std/manual-clock.ts';
import { watchLag } from './lag.ts';

describe('the lag watch', () => {
  it('finds none while timers fire on time', async () => {
    const clock = new ManualClock(0);
    const lag = watchLag(clock);
    await clock.advance(1_000);
    expect(lag.worstSinceMs(0)).toBe(0);
    expect(lag.summary()).toMatchObject({ count: 50, max: 0 });
    lag.stop();
  });

  it('finds how late a timer fired, and forgets it for questions about later times', () => {
    let now = 0;
    let fire = () => {};
    const clock: Clock = {
      now: () => now,
      wall: () => now,
      after: (_delayMs, run) => {
        fire = run;
        return () => {};
      },
      every: () => () => {},
    };
    const lag = watchLag(clock);
    now = 90;
    expect(lag.worstSinceMs(0)).toBe(70);
    fire();
    now = 110;
    fire();
    expect(lag.worstSinceMs(0)).toBe(70);
    expect(lag.worstSinceMs(100)).toBe(0);
    expect(lag.summary()).toMatchObject({ count: 2, max: 70 });
  });
});

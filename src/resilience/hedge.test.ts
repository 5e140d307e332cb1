import { describe, expect, it } from 'vitest';
import { seededRandom } from '../std/random.ts';
import { createHedge, type Hedge } from './hedge.ts';

/** A hundred times from 100 to 496 ms, in a disorder that repeats. */
const HEALTHY = Array.from({ length: 100 }, (_, nth) => 100 + ((nth * 37) % 100) * 4);

function tell(hedge: Hedge, times: readonly number[], stalled: number, stall: (hedge: Hedge) => void): Hedge {
  for (const [nth, ms] of times.entries()) {
    if (nth < times.length - stalled) hedge.ended(ms);
    else stall(hedge);
  }
  return hedge;
}

describe('the hedging delay', () => {
  it('is not known before twenty first tries', () => {
    const hedge = createHedge();
    for (let nth = 0; nth < 10; nth++) hedge.ended(100);
    for (let nth = 0; nth < 9; nth++) hedge.givenUp(200);
    expect(hedge.delayMs()).toBeUndefined();
  });

  it('is for a healthy model later than all but four: what is late comes sooner than a second try would', () => {
    expect(tell(createHedge(), HEALTHY, 0, () => {}).delayMs()).toBe(480);
  });

  it('is the earliest time at which fewer than a tenth are silent, where half of those stall', () => {
    const times = [...HEALTHY].sort((a, b) => a - b);
    const hedge = createHedge();
    for (const ms of times.slice(0, 95)) hedge.ended(ms);
    for (let nth = 0; nth < 5; nth++) hedge.givenUp(2_300);
    expect(hedge.delayMs()).toBe(times[90]);
  });

  it('is later where fewer of them stall: when what is silent is more likely stalled than late', () => {
    const hedge = createHedge();
    for (let nth = 0; nth < 469; nth++) hedge.ended(300);
    for (let nth = 0; nth < 21; nth++) hedge.ended(310 + 10 * Math.floor(nth / 2));
    for (let nth = 0; nth < 10; nth++) hedge.givenUp(2_300);
    // Of 19 that are silent after 360 ms ten are still so when a second one would speak; of 21 after 350 ms, ten too.
    expect(hedge.delayMs()).toBe(360);
  });

  it('is none where more than a tenth stall: nothing fits the budget', () => {
    expect(tell(createHedge(), HEALTHY, 12, (hedge) => hedge.givenUp(2_300)).delayMs()).toBeUndefined();
  });

  it.each([
    [4, 300],
    [5, 400],
  ])('takes second tries to pay until five fates say no: of %i late ones all came', (late, expected) => {
    const hedge = createHedge();
    for (let nth = 0; nth < 100; nth++) hedge.ended(nth < late ? 400 : 300);
    expect(hedge.delayMs()).toBe(expected);
  });

  it('learns no fate from tries that were given up before a second one would have spoken', () => {
    const hedge = createHedge();
    for (let nth = 0; nth < 100; nth++) {
      if (nth < 4) hedge.ended(400);
      else if (nth < 8) hedge.givenUp(310);
      else hedge.ended(300);
    }
    expect(hedge.delayMs()).toBe(300);
  });

  it('moves after twenty more tries, not at each', () => {
    const hedge = tell(createHedge(), HEALTHY, 0, () => {});
    expect(hedge.delayMs()).toBe(480);
    for (let nth = 0; nth < 19; nth++) hedge[nth < 8 ? 'givenUp' : 'ended'](nth < 8 ? 2_300 : 300);
    expect(hedge.delayMs()).toBe(480);
    hedge.ended(300);
    expect(hedge.delayMs()).toBe(484);
  });

  it('forgets what is more than a thousand tries ago', () => {
    const hedge = tell(createHedge(), HEALTHY, 12, (stalled) => stalled.givenUp(2_300));
    expect(hedge.delayMs()).toBeUndefined();
    for (let nth = 0; nth < 10; nth++) tell(hedge, HEALTHY, 0, () => {});
    expect(hedge.delayMs()).toBe(496);
  });

  it('does not drift by the races that second tries win: it goes on to race a tenth', () => {
    const hedge = createHedge();
    const random = seededRandom(20261121);
    const tryMs = () => (random() < 0.05 ? 10_000 : 200 - 100 * Math.log(1 - random()));
    const delays: number[] = [];
    let races = 0;
    for (let nth = 0; nth < 10_000; nth++) {
      const delayMs = hedge.delayMs() ?? 2_000;
      const firstMs = tryMs();
      const answerMs = firstMs > delayMs ? Math.min(firstMs, delayMs + tryMs()) : firstMs;
      if (firstMs > answerMs) hedge.givenUp(answerMs);
      else hedge.ended(firstMs);
      if (nth < 2_000) continue;
      delays.push(delayMs);
      if (firstMs > delayMs) races++;
    }
    expect(races / delays.length).toBeGreaterThan(0.08);
    expect(races / delays.length).toBeLessThan(0.1);
    // 9.4 % are silent after 507 ms, and each estimate is of a thousand.
    expect(Math.min(...delays)).toBeGreaterThan(430);
    expect(Math.max(...delays)).toBeLessThan(640);
  });
});

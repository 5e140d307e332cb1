import { describe, expect, it } from 'vitest';
import type { Proof } from '../operations/prove-call.ts';
import { ManualClock, settle } from '../std/manual-clock.ts';
import { seekProof } from './guards.ts';

/** What is asked for a call to which these answers come, one after another and the last for ever. */
async function seeking(...answers: readonly Proof[]) {
  const clock = new ManualClock();
  const happened: string[] = [];
  let asks = 0;
  const ask = async () => answers[Math.min(asks++, answers.length - 1)] ?? 'unknown';
  const stop = seekProof(clock, ask, {
    onProven: () => happened.push('proven'),
    onDenied: () => happened.push('denied'),
  });
  await settle();
  return { clock, stop, happened, asks: () => asks };
}

describe('the search for a proof', () => {
  it('asks every 5 s while nobody knows, until the call is proven', async () => {
    const { clock, asks, happened } = await seeking('unknown', 'unknown', 'proven');
    await clock.advance(4_999);
    expect(asks()).toBe(1);
    await clock.advance(1);
    expect([asks(), happened]).toEqual([2, []]);
    await clock.advance(120_000);
    expect([asks(), happened]).toEqual([3, ['proven']]);
  });

  it('goes on for as long as it takes, and denies nobody of whom nothing is known', async () => {
    const { clock, asks, happened } = await seeking('unknown');
    await clock.advance(600_000);
    expect([asks(), happened]).toEqual([121, []]);
  });

  it('asks no more once the call is denied, which counts after 60 s', async () => {
    const { clock, asks, happened } = await seeking('denied');
    await clock.advance(59_999);
    expect([asks(), happened]).toEqual([1, []]);
    await clock.advance(60_000);
    expect([asks(), happened]).toEqual([1, ['denied']]);
  });

  it.each([
    [5, 60_000],
    [20, 100_000],
  ])('after %i answers that say nothing, lets a denied call stay for %i ms from the first', async (unknown, ms) => {
    const { clock, happened } = await seeking(...Array.from({ length: unknown }, () => 'unknown' as const), 'denied');
    await clock.advance(ms - 1);
    expect(happened).toEqual([]);
    await clock.advance(1);
    expect(happened).toEqual(['denied']);
  });

  it.each(['unknown', 'denied'] as const)('that is stopped does nothing more (%s)', async (answer) => {
    const { clock, stop, asks, happened } = await seeking(answer);
    await clock.advance(3_000);
    stop();
    await clock.advance(120_000);
    expect([asks(), happened]).toEqual([1, []]);
  });

  it('that is stopped while it asks heeds no answer', async () => {
    const answer = Promise.withResolvers<Proof>();
    const happened: string[] = [];
    const stop = seekProof(new ManualClock(), () => answer.promise, {
      onProven: () => happened.push('proven'),
      onDenied: () => happened.push('denied'),
    });
    stop();
    answer.resolve('proven');
    await settle();
    expect(happened).toEqual([]);
  });
});

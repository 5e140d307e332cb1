import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Fleet, startFleet } from '../fleet/fleet.ts';
import { play } from '../fleet/play.ts';

const SEED = 20_261_121;
const AWAY_MS = 4_000;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ maxCalls: 20, postgresUrl: inject('postgresUrl') });
});
afterAll(() => fleet.close());

describe.each([
  { kind: 'redis-kill', what: 'killed' },
  { kind: 'redis-stop', what: 'stopped' },
] as const)('while Redis is $what', ({ kind }) => {
  it('calls in progress go on, others hear the busy line, and nothing is lost of either', async ({ signal }) => {
    const terms = {
      seed: SEED,
      callers: { calls: 16, turns: 10 },
      late: { calls: 4, turns: 2, arrivalsPerSecond: 2, afterMs: 2_500 },
      disturbances: [{ kind, atMs: 2_000, awayMs: AWAY_MS }],
    };
    const played = await play(fleet, terms, signal);
    expect(played.failures, fleet.logs()).toEqual([]);
    expect(played.lateReport?.refused.count).toBeGreaterThan(0);
  });
});

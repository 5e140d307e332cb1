import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { randomKills } from '../fleet/disturb.ts';
import { type Fleet, startFleet } from '../fleet/fleet.ts';
import { play } from '../fleet/play.ts';
import { playTwins } from '../fleet/twins.ts';

const SEED = 20_261_121;
/** What the archive had in hand in a killed process is delivered again after a minute. */
const WITH_LEASES_MS = 120_000;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ maxCalls: 30, postgresUrl: inject('postgresUrl') });
});
afterAll(() => fleet.close());

it('loses no turn, repeats no greeting and acts once when replicas are killed', { timeout: WITH_LEASES_MS }, async ({
  signal,
}) => {
  const disturbances = randomKills(SEED, { kills: 3, fromMs: 1_500, everyMs: 2_000, replicas: 3 });
  const played = await play(fleet, { seed: SEED, callers: { calls: 16, turns: 7 }, disturbances }, signal);
  expect(played.failures, fleet.logs()).toEqual([]);
  expect(played.report.redials.count).toBeGreaterThan(0);
  expect(played.history.effects.length).toBeGreaterThan(0);
});

it('drops nobody in a rolling deploy', { timeout: WITH_LEASES_MS }, async ({ signal }) => {
  const terms = {
    seed: SEED,
    callers: { calls: 16, turns: 7 },
    disturbances: [{ kind: 'roll', atMs: 1_500 }],
  } as const;
  const played = await play(fleet, terms, signal);
  expect(played.failures, fleet.logs()).toEqual([]);
  expect(played.report.redials.count).toBeGreaterThan(0);
});

it('lets go of the older of two sockets of a call, at another replica too', async ({ signal }) => {
  const { unfenced, violations } = await playTwins(fleet, 3, signal);
  expect(unfenced).toBe(0);
  expect(violations).toEqual([]);
});

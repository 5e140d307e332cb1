import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Fleet, startFleet } from '../fleet/fleet.ts';
import { play } from '../fleet/play.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ maxCalls: 10, postgresUrl: inject('postgresUrl') });
});
afterAll(() => fleet.close());

it('answers ten of thirty callers over three replicas, and tells the others', async ({ signal }) => {
  const terms = { seed: 7, callers: { calls: 30, turns: 3 }, expectRefused: 20, disturbances: [] };
  const played = await play(fleet, terms, signal);
  expect(played.failures, fleet.logs()).toEqual([]);
});

import { fileURLToPath } from 'node:url';
import { afterEach, expect, inject, it } from 'vitest';
import { type Fleet, startFleet } from '../fleet/fleet.ts';
import { play } from '../fleet/play.ts';
import { playTwins } from '../fleet/twins.ts';

const ENTRY = fileURLToPath(new URL('../fleet/sabotaged.ts', import.meta.url));

let fleet: Fleet | undefined;
afterEach(() => fleet?.close());

async function startSabotaged(sabotage: string, maxCalls: number): Promise<Fleet> {
  const env = { TEST_SABOTAGE: sabotage };
  fleet = await startFleet({ maxCalls, replicas: 2, postgresUrl: inject('postgresUrl'), entry: ENTRY, env });
  return fleet;
}

it('is found out when an older holder of a call may go on writing', async ({ signal }) => {
  const { unfenced, violations } = await playTwins(await startSabotaged('fence', 10), 2, signal);
  expect(unfenced).toBe(2);
  expect(violations.map(({ rule }) => rule)).toContain('epoch.went_back');
});

it('is found out when a tool that acts once may act again', async ({ signal }) => {
  const terms = { seed: 7, callers: { calls: 6, turns: 8 }, disturbances: [] };
  const { violations } = await play(await startSabotaged('ledger', 10), terms, signal);
  expect(new Set(violations.map(({ rule }) => rule))).toEqual(new Set(['effect.twice']));
});

it('is found out when there is always room', async ({ signal }) => {
  const terms = { seed: 7, callers: { calls: 12, turns: 2 }, disturbances: [] };
  const { violations } = await play(await startSabotaged('leases', 6), terms, signal);
  expect(violations.map(({ rule }) => rule)).toContain('capacity.exceeded');
});

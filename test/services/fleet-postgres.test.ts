import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Fleet, startFleet } from '../fleet/fleet.ts';
import { play } from '../fleet/play.ts';

const SEED = 20_261_121;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ maxCalls: 30 });
});
afterAll(() => fleet.close());

it('answers callers and webhooks while Postgres is away, acts for nobody, and archives all of it afterwards', async ({
  signal,
}) => {
  const away = { kind: 'postgres-kill', atMs: 1_500, awayMs: 4_000 } as const;
  // Short calls, so that many of them begin and end meanwhile.
  const callers = { calls: 20, turns: 4, arrivalsPerSecond: 4 };
  const played = await play(fleet, { seed: SEED, callers, disturbances: [away] }, signal);
  expect(played.failures, fleet.logs()).toEqual([]);
  expect(played.report.webhooks.sent).toBeGreaterThan(60);
  expect(played.history.effects.length).toBeGreaterThan(0);
  const tools = played.history.archived.flatMap((fact) => (fact.type === 'call.tool' ? [fact.outcome] : []));
  expect(tools).toEqual(expect.arrayContaining(['done', 'failed']));
});

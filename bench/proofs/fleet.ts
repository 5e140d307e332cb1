import { randomKills } from '../../test/fleet/disturb.ts';
import { type Fleet, startFleet } from '../../test/fleet/fleet.ts';
import { type Play, type Played, play } from '../../test/fleet/play.ts';
import { playTwins } from '../../test/fleet/twins.ts';
import { withRow } from '../results-page.ts';
import { fleetRow, twinsRow } from './fleet-row.ts';
import type { Proof } from './proof.ts';
import { SEED } from './provenance.ts';

const REPLICAS = 3;
/** A call of 16 turns takes about 40 s: long enough to have begun before 30 s of trouble and to end after it. */
const CALLERS = { calls: 100, turns: 16, speechRate: 4, arrivalsPerSecond: 20 } as const;
/**
 * Retell dials back four times in the life of a call: those are for what befalls the fleet. Whether it then asks again
 * is not known, so it does in every other round.
 */
const steady = (seed: number) =>
  ({ ...CALLERS, shares: { drop: 0 }, reissueAsk: seed % 2 === 0 ? 'yes' : 'no' }) as const;
const AWAY_MS = 30_000;
const KILLS = { kills: 4, fromMs: 6_000, everyMs: 9_000, replicas: REPLICAS } as const;

interface Trial {
  readonly name: string;
  readonly maxCalls: number;
  readonly rounds: number;
  readonly play: (seed: number) => Play;
}

/** What befalls calls in progress while others try to begin: one a second of these. */
function whileAway(kind: 'redis-kill' | 'redis-stop'): Trial['play'] {
  return (seed) => ({
    seed,
    callers: CALLERS,
    late: { calls: 20, turns: 4, arrivalsPerSecond: 1, afterMs: 10_000 },
    disturbances: [{ kind, atMs: 8_000, awayMs: AWAY_MS }],
  });
}

const TRIALS: readonly Trial[] = [
  {
    name: 'fleet-kill',
    maxCalls: 120,
    rounds: 5,
    play: (seed) => ({ seed, callers: steady(seed), disturbances: randomKills(seed, KILLS) }),
  },
  {
    name: 'rolling',
    maxCalls: 120,
    rounds: 5,
    play: (seed) => ({ seed, callers: steady(seed), disturbances: [{ kind: 'roll', atMs: 8_000 }] }),
  },
  { name: 'redis-kill', maxCalls: 110, rounds: 1, play: whileAway('redis-kill') },
  { name: 'redis-stop', maxCalls: 110, rounds: 1, play: whileAway('redis-stop') },
  {
    name: 'postgres-restart',
    maxCalls: 120,
    rounds: 1,
    play: (seed) => ({
      seed,
      // Calls begin and end all the while.
      callers: { calls: 100, turns: 6, speechRate: 4, arrivalsPerSecond: 2.5 },
      disturbances: [{ kind: 'postgres-kill', atMs: 8_000, awayMs: AWAY_MS }],
      // What the archive could not take is tried again once a minute.
      settleWithinMs: 120_000,
    }),
  },
  {
    name: 'capacity',
    maxCalls: 30,
    rounds: 1,
    play: (seed) => ({
      seed,
      callers: { calls: 300, turns: 4, speechRate: 4, arrivalsPerSecond: 7, shares: { drop: 0 } },
      expectRefused: 'any',
      disturbances: randomKills(seed, { ...KILLS, kills: 5, everyMs: 7_000 }),
    }),
  },
];

/** Calls that have two sockets, one after another. */
const TWINS = 100;
/** Both replicas see Redis. */
const LET_GO_WITHIN_MS = 50;

/** Three replicas, a Redis, a Postgres and a balancer of each proof's own, and what befalls them. */
export const FLEET_PROOFS: readonly Proof[] = [
  ...TRIALS.map(proofOf),
  {
    name: 'takeover',
    withinMs: 10 * 60_000,
    run: (signal) =>
      withFleet(20, async (fleet) => {
        const twins = await playTwins(fleet, TWINS, signal);
        const failures = [
          ...(twins.unfenced > 0 ? [`expected every older socket to be let go of, ${twins.unfenced} were not`] : []),
          ...twins.fencedMs
            .filter((ms) => ms > LET_GO_WITHIN_MS)
            .map((ms) => `expected an older socket to be let go of within ${LET_GO_WITHIN_MS} ms, it took ${ms}`),
          ...twins.violations.map(({ rule, callId, detail }) => `${rule}: ${callId ?? ''}: ${detail}`),
        ];
        const row = twinsRow('takeover', TWINS, twins, failures);
        return { failures, writeInto: (page) => withRow(page, 'prove-takeover', row) };
      }),
  },
];

function proofOf({ name, maxCalls, rounds, play: termsOf }: Trial): Proof {
  return {
    name,
    withinMs: rounds * 6 * 60_000,
    run: (signal, tell) =>
      withFleet(maxCalls, async (fleet) => {
        const played: Played[] = [];
        for (let round = 0; round < rounds; round++) {
          const one = await play(fleet, termsOf(SEED + round), signal);
          played.push(one);
          tell(`${name}, seed ${SEED + round}: ${one.failures.length === 0 ? 'as promised' : 'not as promised'}`);
        }
        const failures = played.flatMap((one) => one.failures);
        const row = fleetRow(name, played, failures);
        tell(row);
        return {
          failures: failures.length === 0 ? [] : [...failures, fleet.logs()],
          writeInto: (page) => withRow(page, 'prove-fleet', row),
        };
      }),
  };
}

async function withFleet<T>(maxCalls: number, work: (fleet: Fleet) => Promise<T>): Promise<T> {
  const fleet = await startFleet({ maxCalls, replicas: REPLICAS });
  try {
    return await work(fleet);
  } finally {
    await fleet.close();
  }
}

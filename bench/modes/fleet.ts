import { startPostgres } from '../../tools/services/postgres.ts';
import { startRedis } from '../../tools/services/redis.ts';
import { type Findings, type Mode, type ModeOptions, median, percentilesOf, table } from '../mode.ts';
import { OPEN_LOOP, playOpenLoop } from '../open-loop.ts';
import { type Rig, startRig } from '../rig.ts';
import { checkRound, playRound, type Round, untilItCounts } from '../round.ts';
import { startSubject } from '../subjects.ts';

const CALLS = 200;
const LIMITS = { addedP95Ms: 3, cachedMs: 100 };
/** A model that nobody would mistake for a cache. */
const SLOW = { medianMs: 400, sigma: 0, stallRatio: 0, stallMs: 0 };
const REPEATED = { calls: 100, turns: 5, pace: { kind: 'open', everyMs: 2_000 } } as const;

/** What `distributed` costs beside `single`, with real stores: nobody waits for them. */
export const fleetMode: Mode = { name: 'fleet', title: 'Distributed beside single', run: measureFleet };

async function measureFleet(options: ModeOptions): Promise<Findings> {
  const single: Round[] = [];
  const distributed: Round[] = [];
  const cached: number[] = [];
  await using rig = await startRig();
  for (let run = 1; run <= options.runs; run++) {
    single.push(await openLoop('single', options, rig, {}));
    await withStores(async (env) => {
      distributed.push(await openLoop('distributed', options, rig, env));
    });
    await withStores(async (env) => {
      cached.push(...(await timesOfHits(options.seed + run, rig, env)));
    });
  }
  return report(single, distributed, cached);
}

type Env = Readonly<Record<string, string>>;

/** Each run has stores of its own, empty. */
async function withStores(work: (env: Env) => Promise<void>): Promise<void> {
  const redis = await startRedis();
  const postgres = await startPostgres();
  try {
    await work({ OFFHOOK_VARIANT: 'distributed', REDIS_URL: redis.url, DATABASE_URL: postgres.url });
  } finally {
    await redis.stop();
    await postgres.stop();
  }
}

function openLoop(name: string, options: ModeOptions, rig: Rig, env: Env): Promise<Round> {
  return untilItCounts(name, options.note, async () => {
    options.note(name);
    const played = await playOpenLoop('ours', CALLS, options, rig, env);
    checkRound(played);
    return played;
  });
}

/** The same calls twice: the second time every reply is in Redis. */
async function timesOfHits(seed: number, rig: Rig, env: Env): Promise<readonly number[]> {
  await using subject = await startSubject('ours', {
    modelUrl: rig.model.url,
    env: { ...env, BENCH_CACHEABLE: '1' },
  });
  await rig.model.behave({ seed, ...SLOW });
  await playRound(subject, rig, { seed, ...REPEATED });
  const before = (await rig.model.count()).requests;
  const { result } = await playRound(subject, rig, { seed, ...REPEATED });
  const asked = (await rig.model.count()).requests - before;
  if (asked > 0) throw new Error(`expected every reply from the cache, the model was asked ${asked} times`);
  return result.answerMs;
}

function report(single: readonly Round[], distributed: readonly Round[], cached: readonly number[]): Findings {
  const times = (rounds: readonly Round[]) => rounds.map(({ result }) => percentilesOf(result.answerMs));
  const added = times(distributed).map(({ p95 }, run) => p95 - (times(single)[run]?.p95 ?? 0));
  const rowOf = (title: string, rounds: readonly Round[]) => [
    `${title}, ${CALLS} calls`,
    ...(['p50', 'p95', 'p99'] as const).map((p) => median(times(rounds).map((each) => each[p])).toFixed(2)),
    median(rounds.map(({ cpuMsPerTurn }) => cpuMsPerTurn)).toFixed(2),
    String(rounds.reduce((sum, { result }) => sum + result.lost, 0)),
  ];
  const hits = percentilesOf(cached);
  const heldCached = cached.every((ms) => ms <= LIMITS.cachedMs);
  return {
    lines: [
      ...OPEN_LOOP,
      '',
      ...table(
        ['', 'p50', 'p95', 'p99', 'CPU ms a turn', 'turns lost'],
        [rowOf('single', single), rowOf('distributed', distributed)],
      ),
      '',
      `Added at p95, run by run: ${added.map((ms) => ms.toFixed(2)).join(', ')} ms. Redis and Postgres share the generator's core.`,
      '',
      `A reply from the cache, with a model that takes ${SLOW.medianMs} ms: p50 ${hits.p50.toFixed(2)}, p99 ${hits.p99.toFixed(2)}, worst ${Math.max(...cached).toFixed(2)} ms of ${cached.length}.`,
    ],
    goals: [
      {
        claim: `distributed adds at most ${LIMITS.addedP95Ms} ms to single's p95 at ${CALLS} calls`,
        figure: `${median(added).toFixed(2)} ms`,
        isHeld: median(added) <= LIMITS.addedP95Ms,
      },
      {
        claim: `a reply from the cache is heard within ${LIMITS.cachedMs} ms`,
        figure: `worst ${Math.max(...cached).toFixed(2)} ms`,
        isHeld: heldCached,
      },
    ],
  };
}

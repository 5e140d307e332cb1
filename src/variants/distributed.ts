import { join } from 'node:path';
import { keepCalls } from '../fleet/kept-call-store.ts';
import { shareLeases } from '../fleet/leased-share.ts';
import { spoolWebhooks } from '../fleet/webhook-spool.ts';
import type { FleetMember } from '../ports/fleet.ts';
import type { ReplyCache } from '../ports/reply-cache.ts';
import type { ToolLedger } from '../ports/tool-ledger.ts';
import { createDependency, type Dependency } from '../resilience/dependency.ts';
import type { NotReady } from '../servers/probes.ts';
import type { Clock } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import type { Secret } from '../std/secret.ts';
import type { Config } from './config.ts';
import { openModel, openRetell, warmUpModels } from './outside.ts';
import type { Ports } from './ports.ts';

/** No turn waits longer for its state; asked again half a second after Redis was found to be away. */
const REDIS = { name: 'redis', deadlineMs: 100, lateReason: 'redis.timeout', restMs: 500, limit: 1_000 } as const;
/** Nobody on the line waits for it but a tool, and a webhook, which is spooled then. */
const POSTGRES = {
  name: 'postgres',
  deadlineMs: 2_000,
  lateReason: 'postgres.timeout',
  restMs: 1_000,
  limit: 200,
} as const;

/** One of several alike processes: what is live in Redis, what is kept in Postgres, and both may be away for a while. */
export async function openDistributed(config: Config, clock: Clock, log: Log, signal: AbortSignal): Promise<Ports> {
  const redisUrl = needed(config.redisUrl, 'REDIS_URL', 'redis://127.0.0.1:6379');
  const databaseUrl = needed(config.databaseUrl, 'DATABASE_URL', 'postgres://offhook@127.0.0.1:5432/offhook');
  const [{ openRedis }, { openPostgres }] = await Promise.all([
    import('../adapters/redis/redis.ts'),
    import('../adapters/postgres/postgres.ts'),
  ]);
  const redis = createDependency(REDIS, clock);
  const postgres = createDependency(POSTGRES, clock);
  const [live, kept] = await Promise.all([
    openRedis(redisUrl, clock, log, {}, signal),
    openPostgres(databaseUrl, clock, log, signal),
  ]);

  let member: FleetMember | undefined;
  const callStore = keepCalls({
    store: live.callStore,
    dependency: redis,
    onFenced: (callId) => member?.fence(callId, Number.POSITIVE_INFINITY),
    clock,
    log,
  });
  const leases = shareLeases(live.leases, redis, clock, log);
  const folder = join(config.dataDir, 'webhooks');
  const records = await spoolWebhooks({ records: kept.records, dependency: postgres, folder, clock, log });
  const stopAsking = clock.every(ASK_EVERY_MS, () => {
    postgres.run(kept.ping, signal).catch(() => undefined); // its state says so
  });

  const retell = await openRetell(config, clock);
  return {
    callStore,
    leases,
    records,
    replyCache: replyCacheBehind(redis, live.replyCache),
    toolLedger: ledgerBehind(postgres, kept.toolLedger),
    eventLog: live.eventLog,
    jobs: kept.jobs,
    dials: kept.dials,
    callControl: retell?.callControl,
    model: await openModel(config),
    warmUp: () => warmUpModels(config),
    dependencies: () => [
      redis.state(),
      { ...postgres.state(), ...(records.spooled > 0 && { waiting: records.spooled }) },
      ...(retell ? [retell.dependency.state()] : []),
    ],
    notReadyBecause: () => [redis, postgres].flatMap(missing),
    join(roster) {
      member = roster;
      return live.join({
        interject: roster.interject,
        fence(callId, epoch) {
          callStore.forget(callId, epoch);
          roster.fence(callId, epoch);
        },
      });
    },
    async close() {
      stopAsking();
      await Promise.all([callStore.close(), leases.close(), records.close()]);
      await Promise.all([live.close(), kept.close()]);
    },
  };
}

/** How soon it is known that Postgres is away, or back, where nothing else asks it. */
const ASK_EVERY_MS = 1_000;

/**
 * What has never answered since the start keeps callers away: other replicas may be whole. What is away later does not,
 * since it is away for all of them, and who gets through is served.
 */
function missing(dependency: Dependency): readonly NotReady[] {
  const { name, hasAnswered, reason } = dependency.state();
  if (hasAnswered) return [];
  const why = reason === undefined ? '' : ` (${reason})`;
  return [{ reason: `${name}.unreachable`, detail: `${name} has not answered yet${why}: no call can be kept` }];
}

function needed(url: Secret | undefined, name: string, example: string): string {
  if (url) return url.reveal();
  throw new Fault('invalid', 'variant.store_missing', `expected ${name}, since the variant is distributed`, {
    effect: 'nobody is answered until it starts',
    fixes: [`set ${name}, for example to ${example}`, 'npm run distributed starts everything it needs on one machine'],
  });
}

/** Without it a reply is made anew: the caller must not wait for what only saves time. */
function replyCacheBehind(redis: Dependency, cache: ReplyCache): ReplyCache {
  return {
    get: (key, signal) => redis.run((within) => cache.get(key, within), signal),
    put: (key, sentences, ttlMs, signal) => redis.run((within) => cache.put(key, sentences, ttlMs, within), signal),
  };
}

/** Without it no tool acts once: the desk says so, and the caller hears it. */
function ledgerBehind(postgres: Dependency, ledger: ToolLedger): ToolLedger {
  return {
    claim: (callId, key, signal) => postgres.run((within) => ledger.claim(callId, key, within), signal),
    settle: (callId, key, content, signal) =>
      postgres.run((within) => ledger.settle(callId, key, content, within), signal),
    release: (callId, key, signal) => postgres.run((within) => ledger.release(callId, key, within), signal),
    forget: (callId, signal) => postgres.run((within) => ledger.forget(callId, within), signal),
  };
}

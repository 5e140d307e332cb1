import { join } from 'node:path';
import { keepCalls } from '../fleet/kept-call-store.ts';
import { shareLeases } from '../fleet/leased-share.ts';
import { spoolWebhooks } from '../fleet/webhook-spool.ts';
import type { FleetMember } from '../ports/fleet.ts';
import type { ReplyCache } from '../ports/reply-cache.ts';
import { createDependency, type Dependency } from '../resilience/dependency.ts';
import type { NotReady } from '../servers/probes.ts';
import type { Clock } from '../std/clock.ts';
import { type Closable, closeAll } from '../std/close-all.ts';
import { Fault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import type { Secret } from '../std/secret.ts';
import { behindPostgres } from './behind-postgres.ts';
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
  crowdedReason: 'postgres.crowded',
  restMs: 1_000,
  limit: 200,
} as const;

/**
 * One of several alike processes: what is live in Redis, what is kept in Postgres, and both may be away for a while. A
 * later step that fails undoes the earlier ones.
 *
 * @throws Fault `variant.store_missing`, `store.too_new`, `spool.unusable`
 */
export async function openDistributed(config: Config, clock: Clock, log: Log, signal: AbortSignal): Promise<Ports> {
  const opened: Closable[] = [];
  try {
    return await openWith(opened, config, clock, log, signal);
  } catch (thrown) {
    await closeAll(opened);
    throw thrown;
  }
}

/** @param opened takes what is to be closed again, also when opening fails halfway */
async function openWith(
  opened: Closable[],
  config: Config,
  clock: Clock,
  log: Log,
  signal: AbortSignal,
): Promise<Ports> {
  const keep = <T extends Closable>(one: T): T => {
    opened.push(one);
    return one;
  };
  const redisUrl = needed(config.redisUrl, 'REDIS_URL', 'redis://127.0.0.1:6379');
  const databaseUrl = needed(config.databaseUrl, 'DATABASE_URL', 'postgres://offhook@127.0.0.1:5432/offhook');
  const [{ openRedis }, { openPostgres }] = await Promise.all([
    import('../adapters/redis/redis.ts'),
    import('../adapters/postgres/postgres.ts'),
  ]);
  const redis = createDependency(REDIS, clock);
  const postgres = createDependency(POSTGRES, clock);
  const opening = [
    openPostgres(databaseUrl, clock, log, signal).then(keep),
    openRedis(redisUrl, clock, log, {}, signal).then(keep),
  ] as const;
  // When one of them fails, the other one is still to be there, to be closed.
  await Promise.allSettled(opening);
  const [kept, live] = await Promise.all(opening);
  const { archive, toolLedger, dials, jobs } = behindPostgres(kept, postgres);

  let member: FleetMember | undefined;
  const callStore = keep(
    keepCalls({
      store: live.callStore,
      dependency: redis,
      onFenced(callId) {
        leases.forget(callId);
        member?.fence(callId, Number.POSITIVE_INFINITY);
      },
      clock,
      log,
    }),
  );
  const leases = keep(shareLeases(live.leases, redis, clock, log));
  const folder = join(config.dataDir, 'webhooks');
  const webhooks = keep(await spoolWebhooks({ records: kept.records, dependency: postgres, folder, clock, log }));
  const stopAsking = clock.every(ASK_EVERY_MS, () => {
    postgres.run(kept.ping, signal).catch(() => undefined); // its state says so
  });
  keep({ close: stopAsking });

  const retell = await openRetell(config, clock);
  let closed: Promise<void> | undefined;
  return {
    callStore,
    leases,
    records: { ...webhooks, ...archive },
    replyCache: replyCacheBehind(redis, live.replyCache),
    toolLedger,
    eventLog: live.eventLog,
    jobs,
    dials,
    callControl: retell?.callControl,
    model: await openModel(config),
    warmUp: () => warmUpModels(config),
    dependencies: () => [
      redis.state(),
      { ...postgres.state(), ...(webhooks.spooled > 0 && { waiting: webhooks.spooled }) },
      ...(retell ? [retell.dependency.state()] : []),
    ],
    notReadyBecause: () => [redis, postgres].flatMap(missing),
    join(roster) {
      member = roster;
      return live.join({
        interject: roster.interject,
        fence(callId, epoch) {
          if (callStore.forget(callId, epoch)) leases.forget(callId);
          roster.fence(callId, epoch);
        },
      });
    },
    close() {
      closed ??= closeAll(opened);
      return closed;
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

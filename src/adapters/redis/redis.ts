import type { SharedCallStore } from '../../ports/call-store.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Fleet, FleetMember } from '../../ports/fleet.ts';
import type { SharedLeases } from '../../ports/leases.ts';
import type { ReplyCache } from '../../ports/reply-cache.ts';
import type { Clock } from '../../std/clock.ts';
import type { Log } from '../../std/log.ts';
import { redisCallStore } from './call-store.ts';
import { connectRedis, type RedisOptions } from './connection.ts';
import { redisEventLog } from './event-log.ts';
import { joinFleet, type RedisFleet } from './fleet.ts';
import { redisLeases } from './leases.ts';
import { redisReplyCache } from './reply-cache.ts';

export interface RedisStores {
  readonly callStore: SharedCallStore;
  readonly leases: SharedLeases;
  readonly replyCache: ReplyCache;
  readonly eventLog: EventLog;
  /** Joins the other processes; once. Closed with the rest. */
  join(member: FleetMember): Fleet;
  /** @throws Fault `redis.*` when Redis does not answer in time */
  ping(signal: AbortSignal): Promise<void>;
  /** Waits for what was asked, closes the connections. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens what a fleet shares. Never fails for a Redis that is away: what is asked meanwhile fails at once, and it is
 * connected to when it comes.
 *
 * @param url `redis://` or `rediss://`; Redis 7.0 or later, one primary, `noeviction`
 * @param signal ends the opening; once open, `close` ends it
 */
export async function openRedis(
  url: string,
  clock: Clock,
  log: Log,
  options: RedisOptions,
  signal: AbortSignal,
): Promise<RedisStores> {
  const redis = await connectRedis(url, clock, log, options, signal);
  let fleet: RedisFleet | undefined;

  return {
    callStore: redisCallStore(redis, clock),
    leases: redisLeases(redis),
    replyCache: redisReplyCache(redis),
    eventLog: redisEventLog(redis, clock),
    join(member) {
      fleet = joinFleet(url, redis, clock, member);
      return fleet;
    },
    async ping(within) {
      await redis.ask((client) => client.ping(), within);
    },
    async close() {
      fleet?.close();
      await redis.close();
    },
  };
}

import type { EventLog } from '../../ports/event-log.ts';
import type { ReplyCache } from '../../ports/reply-cache.ts';
import type { Clock } from '../../std/clock.ts';
import type { Log } from '../../std/log.ts';
import { type RedisCallStore, redisCallStore } from './call-store.ts';
import { connectRedis, type RedisOptions } from './connection.ts';
import { redisEventLog } from './event-log.ts';
import { type Interject, type Interjections, openInterjections } from './interjections.ts';
import { type RedisLeases, redisLeases } from './leases.ts';
import { redisReplyCache } from './reply-cache.ts';
import { listenForTaken, type TakenListener } from './taken.ts';

export interface RedisStores {
  readonly callStore: RedisCallStore;
  readonly leases: RedisLeases;
  readonly replyCache: ReplyCache;
  readonly eventLog: EventLog;
  /** Hears of every call taken anew by whomever, this process included; returns how to stop. */
  onTaken(listener: TakenListener): () => void;
  /** Passes on what is to be said in calls served elsewhere; `interjectHere` is asked for what others pass on. Once. */
  shareInterjections(interjectHere: Interject): Interjections;
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
  const takenChannel = redis.key('taken');
  const listening = new Set<() => void>();

  return {
    callStore: redisCallStore(redis, clock, takenChannel),
    leases: redisLeases(redis),
    replyCache: redisReplyCache(redis),
    eventLog: redisEventLog(redis),
    onTaken(listener) {
      const stop = listenForTaken(url, takenChannel, clock, listener);
      listening.add(stop);
      return () => {
        listening.delete(stop);
        stop();
      };
    },
    shareInterjections(interjectHere) {
      const interjections = openInterjections(url, redis, clock, interjectHere);
      listening.add(interjections.close);
      return interjections;
    },
    async ping(within) {
      await redis.ask((client) => client.ping(), within);
    },
    async close() {
      for (const stop of listening) stop();
      await redis.close();
    },
  };
}

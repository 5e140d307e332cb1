import type { ReplyCache } from '../../ports/reply-cache.ts';
import type { RedisConnection } from './connection.ts';

/** Replies shared by a fleet. Bounded by their time alone: an agent declares few of them repeatable. */
export function redisReplyCache(redis: RedisConnection): ReplyCache {
  return {
    async get(key, signal) {
      const kept = await redis.ask((client) => client.get(redis.key(`reply:${key}`)), signal);
      if (kept === null) return undefined;
      const sentences: readonly string[] = JSON.parse(kept);
      return sentences;
    },
    async put(key, sentences, ttlMs, signal) {
      const text = JSON.stringify(sentences);
      await redis.ask((client) => client.set(redis.key(`reply:${key}`), text, 'PX', Math.ceil(ttlMs)), signal);
    },
  };
}

import type { Leases } from '../../ports/leases.ts';
import type { RedisConnection } from './connection.ts';
import { numberOf } from './replies.ts';
import { NOW, script } from './script.ts';

/** The slots of a fleet: one sorted set of holders by their expiry, on Redis' clock. */
export function redisLeases(redis: RedisConnection): Leases {
  const keys = [redis.key('leases')];

  return {
    async acquire(holder, limit, ttlMs, signal) {
      return numberOf(await redis.run(ACQUIRE, keys, [holder, limit, ttlMs], signal)) === 1 ? 'held' : 'full';
    },
    async adopt(holder, ttlMs, signal) {
      await redis.run(ADOPT, keys, [holder, ttlMs], signal);
    },
    async rename(from, to, ttlMs, signal) {
      return numberOf(await redis.run(RENAME, keys, [from, to, ttlMs], signal)) === 1;
    },
    async release(holder, signal) {
      await redis.ask((client) => client.zrem(redis.key('leases'), holder), signal);
    },
    async count(signal) {
      return numberOf(await redis.run(COUNT, keys, [], signal));
    },
  };
}

const EXPIRE = `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', digits(now))
`;

/** ARGV: now, holder, limit, ttl. */
const ACQUIRE = script(
  'room',
  `${EXPIRE}
if not redis.call('ZSCORE', KEYS[1], ARGV[2]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], digits(now + ARGV[4]), ARGV[2])
return 1`,
);

/** ARGV: now, holder, ttl. Renewing what is held needs no room worth refusing it for. */
const ADOPT = script(
  'none',
  `${NOW}
redis.call('ZADD', KEYS[1], digits(now + ARGV[3]), ARGV[2])`,
);

/** ARGV: now, from, to, ttl. */
const RENAME = script(
  'none',
  `${EXPIRE}
if redis.call('ZREM', KEYS[1], ARGV[2]) == 0 then return 0 end
redis.call('ZADD', KEYS[1], digits(now + ARGV[4]), ARGV[3])
return 1`,
);

const COUNT = script(
  'none',
  `${NOW}
return redis.call('ZCOUNT', KEYS[1], '(' .. digits(now), '+inf')`,
);

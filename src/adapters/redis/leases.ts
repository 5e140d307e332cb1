import type { SharedLeases } from '../../ports/leases.ts';
import type { RedisConnection } from './connection.ts';
import { numberOf } from './replies.ts';
import { NOW, script } from './script.ts';

/** Two beats missed, and a half: far less than what is left of a lease that is renewed in time. */
const GAP_MS = 2_500;

/** The slots of a fleet: one sorted set of holders by their expiry, on Redis' clock. */
export function redisLeases(redis: RedisConnection): SharedLeases {
  const keys = [redis.key('leases'), redis.key('leases-beat')];

  return {
    async acquire(holder, limit, ttlMs, signal) {
      return numberOf(await redis.run(ACQUIRE, keys, [holder, limit, ttlMs], signal)) === 1 ? 'held' : 'full';
    },
    async adopt(holder, ttlMs, signal) {
      await redis.run(ADOPT, keys, [holder, ttlMs], signal);
    },
    async leave(holder, ttlMs, signal) {
      await redis.run(LEAVE, keys, [holder, ttlMs], signal);
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
    async beat(signal) {
      await redis.run(BEAT, keys, [], signal);
    },
  };
}

/** Lua: moves all leases over a gap in which nobody was there, and drops those that ran out. KEYS: leases, last beat. */
const EXPIRE = `${NOW}
local beat = tonumber(redis.call('GET', KEYS[2]))
if beat then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', digits(beat))
  if now - beat > ${GAP_MS} then
    local held = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
    for i = 1, #held, 2 do redis.call('ZADD', KEYS[1], digits(held[i + 1] + now - beat), held[i]) end
  end
  redis.call('SET', KEYS[2], digits(now))
end
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
  `${EXPIRE}
redis.call('ZADD', KEYS[1], 'GT', digits(now + ARGV[3]), ARGV[2])`,
);

/** ARGV: now, holder, ttl. */
const LEAVE = script(
  'none',
  `${EXPIRE}
redis.call('ZADD', KEYS[1], 'XX', 'GT', digits(now + ARGV[3]), ARGV[2])`,
);

/** ARGV: now, from, to, ttl. */
const RENAME = script(
  'none',
  `${EXPIRE}
if redis.call('ZREM', KEYS[1], ARGV[2]) == 0 then return 0 end
redis.call('ZADD', KEYS[1], 'GT', digits(now + ARGV[4]), ARGV[3])
return 1`,
);

const COUNT = script(
  'none',
  `${EXPIRE}
return redis.call('ZCARD', KEYS[1])`,
);

const BEAT = script(
  'none',
  `${EXPIRE}
redis.call('SET', KEYS[2], digits(now))`,
);

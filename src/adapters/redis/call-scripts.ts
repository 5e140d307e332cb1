import { NOW, script } from './script.ts';

/**
 * A call is one hash: `epoch`, the `holder` that took it, `head`, one field `u<index>` for each utterance, and
 * `isRemoved` once it is over. The epoch thus lives exactly as long as the rest, and every take and commit moves the end
 * of that life.
 */

/** ARGV: now, call id, ttl, channel, holder. KEYS: call. Answers the whole hash; an older holder hears of it at once. */
export const TAKE = script(
  'room',
  `
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('HSET', KEYS[1], 'holder', ARGV[5])
redis.call('HDEL', KEYS[1], 'isRemoved')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if epoch > 1 then redis.call('PUBLISH', ARGV[4], epoch .. ' ' .. ARGV[2]) end
return redis.call('HGETALL', KEYS[1])`,
);

/** Lua: puts ARGV from `first` to its end into the outbox. Positions count up for ever, so none is given twice. */
const APPEND_FACTS = `
local function appendFacts(outbox, counter, first)
  if #ARGV < first then return end
  local position = redis.call('INCRBY', counter, #ARGV - first + 1) - #ARGV
  for i = first, #ARGV do
    redis.call('XADD', outbox, string.format('%.0f-0', position + i), 'event', ARGV[i])
  end
end
`;

/**
 * KEYS: call, the calls by their last commit, outbox, its counter. ARGV: now, call id, epoch, how (`commit`; `restore`;
 * `claim`, a restore under an epoch counted without Redis), ttl, channel, holder, head, how many utterances, each as its
 * index and its JSON, then the facts. Answers 1, or 0 when fenced.
 */
export const COMMIT = script(
  'room',
  `${NOW}${APPEND_FACTS}
local call, mine, how = KEYS[1], tonumber(ARGV[3]), ARGV[4]
local known = redis.call('HMGET', call, 'epoch', 'isRemoved', 'holder')
-- A call that is not there was never taken, or is forgotten: nobody holds it.
local epoch = tonumber(known[1]) or -1
if known[2] or epoch > mine then return 0 end
if how == 'commit' and epoch < mine then return 0 end
-- Whoever took it since counts, where this epoch was counted without Redis, or by both.
if how ~= 'commit' and known[3] and known[3] ~= ARGV[7] and (how == 'claim' or epoch == mine) then return 0 end

if how ~= 'commit' then redis.call('HSET', call, 'epoch', ARGV[3], 'holder', ARGV[7]) end
if epoch < mine then redis.call('PUBLISH', ARGV[6], ARGV[3] .. ' ' .. ARGV[2]) end
redis.call('HSET', call, 'head', ARGV[8])
local last = 9 + 2 * tonumber(ARGV[9])
for i = 10, last, 2 do redis.call('HSET', call, 'u' .. ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', call, ARGV[5])
redis.call('ZADD', KEYS[2], digits(now), ARGV[2])
appendFacts(KEYS[3], KEYS[4], last + 1)
return 1`,
);

/** KEYS: outbox, its counter. ARGV: now, then the facts. */
export const ENQUEUE = script(
  'room',
  `${APPEND_FACTS}
appendFacts(KEYS[1], KEYS[2], 2)`,
);

/** KEYS: call, the calls by their last commit. ARGV: now, call id, ttl. The epoch stays: a late holder is fenced. */
export const REMOVE = script(
  'none',
  `
local epoch = redis.call('HGET', KEYS[1], 'epoch')
redis.call('ZREM', KEYS[2], ARGV[2])
if not epoch then return end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', epoch, 'isRemoved', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])`,
);

/**
 * KEYS: the calls by their last commit. ARGV: now, ttl, what a call's key begins with. Answers each call id, how
 * many ms ago it was committed, and its head. A call committed longer ago than it lives may have been taken since: it is looked at.
 */
export const LIST = script(
  'none',
  `${NOW}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', digits(now - ARGV[2]))) do
  if redis.call('EXISTS', ARGV[3] .. id) == 0 then redis.call('ZREM', KEYS[1], id) end
end
local found = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local listed = {}
for i = 1, #found, 2 do
  local head = redis.call('HGET', ARGV[3] .. found[i], 'head')
  if head then listed[#listed + 1] = { found[i], digits(now - found[i + 1]), head } end
end
return listed`,
);

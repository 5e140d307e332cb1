import { NOW, script } from './script.ts';

/**
 * The log is one stream of entries `call`, `type`, `event`. A consumer group of Redis keeps how far a group has read;
 * who is out is kept by call, which Redis' own pending list knows nothing of. Below what a group's keys begin with:
 * `queue:<call id>`, a list of entry ids taken over, whose head alone may leave; `due`, calls by the time at which
 * their head may leave next; `attempts`, how often each call's head has left.
 */

/** The log is trimmed no more often. */
const TRIM_EVERY_MS = 60_000;
/** A group that has more calls open is far behind: what it has not settled is not looked for, and nothing is trimmed. */
const OPEN_CALLS_AT_MOST = 1_000;

/**
 * Lua: trims what all groups have settled and is older than `settledFor`, and what is older than `atMost`. Groups that
 * are never read again hold the log up for that long.
 */
const TRIM = `
local function oldestOpen(own, settled)
  if redis.call('ZCARD', own .. 'due') > ${OPEN_CALLS_AT_MOST} then return 0 end
  for _, call in ipairs(redis.call('ZRANGE', own .. 'due', 0, -1)) do
    local id = redis.call('LINDEX', own .. 'queue:' .. call, 0)
    if id then settled = math.min(settled, tonumber(string.match(id, '^%d+'))) end
  end
  return settled
end

local function trim(log, prefix, settledFor, atMost)
  if not redis.call('SET', prefix .. 'trimmed', 1, 'NX', 'PX', ${TRIM_EVERY_MS}) then return end
  local from = now - settledFor
  local groups = redis.call('XINFO', 'GROUPS', log)
  if #groups == 0 then from = 0 end
  for _, group in ipairs(groups) do
    local named = {}
    for i = 1, #group, 2 do named[group[i]] = group[i + 1] end
    from = math.min(from, tonumber(string.match(named['last-delivered-id'], '^%d+')))
    from = oldestOpen(prefix .. named['name'] .. ':', from)
  end
  redis.call('XTRIM', log, 'MINID', '~', digits(math.max(from, now - atMost)))
end
`;

/**
 * KEYS: log, its last time. ARGV: now, how long what is settled is kept, how long anything is kept, what the groups'
 * keys begin with, what a key of seen facts begins with, how long those are kept, then call id, epoch:seq, type and JSON
 * of each event.
 */
export const PUBLISH = script(
  'room',
  `${NOW}${TRIM}
-- An entry's id is its time; one clock that steps back must not stop the log.
now = math.max(now, tonumber(redis.call('GET', KEYS[2])) or 0)
redis.call('SET', KEYS[2], digits(now))
for i = 7, #ARGV, 4 do
  local seen = ARGV[5] .. ARGV[i]
  if redis.call('HSETNX', seen, ARGV[i + 1], '') == 1 then
    redis.call('XADD', KEYS[1], digits(now) .. '-*', 'call', ARGV[i], 'type', ARGV[i + 2], 'event', ARGV[i + 3])
  end
  redis.call('PEXPIRE', seen, ARGV[6])
end
if redis.call('EXISTS', KEYS[1]) == 1 then trim(KEYS[1], ARGV[4], tonumber(ARGV[2]), tonumber(ARGV[3])) end`,
);

/**
 * KEYS: log, names of the groups. ARGV: now, group, what its keys begin with, limit, lease, until when the answer is
 * waited for if that is known, then the types it cares for, none for all. Answers whether there may be more, what time
 * it is, then id, call id, attempt and JSON of each delivery. Entries are taken over a few hundred at a time: a call's
 * commit waits for as long as a script runs.
 */
export const READ = script(
  'room',
  `${NOW}
local log, group, own, limit = KEYS[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local due, attempts = own .. 'due', own .. 'attempts'
local leaseEnd = digits(now + ARGV[5])
local deliveries = { 0, digits(now) }
local left = limit
if now > (tonumber(ARGV[6]) or now) then return deliveries end

local function deliver(call, id, event)
  local attempt = redis.call('HINCRBY', attempts, call, 1)
  redis.call('ZADD', due, leaseEnd, call)
  for _, value in ipairs({ id, call, attempt, event }) do deliveries[#deliveries + 1] = value end
  left = left - 1
end

if redis.call('SADD', KEYS[2], group) == 1 then redis.pcall('XGROUP', 'CREATE', log, group, '0', 'MKSTREAM') end

for _, call in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', digits(now), 'LIMIT', 0, limit)) do
  local queue = own .. 'queue:' .. call
  local id = redis.call('LINDEX', queue, 0)
  local entry = id and redis.call('XRANGE', log, id, id)[1]
  -- Older than the log keeps entries: nobody can handle them any more.
  while id and not entry do
    redis.call('LPOP', queue)
    redis.call('HDEL', attempts, call)
    id = redis.call('LINDEX', queue, 0)
    entry = id and redis.call('XRANGE', log, id, id)[1]
  end
  if entry then deliver(call, id, entry[2][6]) else redis.call('ZREM', due, call) end
end
if left == 0 then return deliveries end

local wanted = {}
for i = 7, #ARGV do wanted[ARGV[i]] = true end
local batch = redis.call('XREADGROUP', 'GROUP', group, 'offhook', 'COUNT', 200, 'NOACK', 'STREAMS', log, '>')
local entries = batch and batch[1][2] or {}
if #entries == 200 then deliveries[1] = 1 end
for _, entry in ipairs(entries) do
  local id, call, type, event = entry[1], entry[2][2], entry[2][4], entry[2][6]
  if #ARGV < 7 or wanted[type] then
    local isFree = redis.call('RPUSH', own .. 'queue:' .. call, id) == 1
    if isFree and left > 0 then deliver(call, id, event)
    elseif isFree then redis.call('ZADD', due, digits(now), call) end
  end
end
return deliveries`,
);

/** Lua: whether the delivery of ARGV[2..4] (what its group's keys begin with, call id, entry id) is its call's head. */
const HEAD = `
local own, call, id = ARGV[2], ARGV[3], ARGV[4]
local queue, due, attempts = own .. 'queue:' .. call, own .. 'due', own .. 'attempts'
if redis.call('LINDEX', queue, 0) ~= id then return 0 end
`;

/** Lua: the head is done; the next of its call may leave. */
const NEXT = `
redis.call('LPOP', queue)
redis.call('HDEL', attempts, call)
if redis.call('EXISTS', queue) == 1 then redis.call('ZADD', due, digits(now), call)
else redis.call('ZREM', due, call) end
return 1`;

export const ACK = script('none', `${NOW}${HEAD}${NEXT}`);

/** ARGV[5]: the delay. */
export const RETRY = script(
  'none',
  `${NOW}${HEAD}
redis.call('ZADD', due, digits(now + ARGV[5]), call)
return 1`,
);

/** KEYS: log, dead letters. ARGV from 5: group, kind, reason, message, how many dead letters are kept. */
export const BURY = script(
  'none',
  `${NOW}${HEAD}
local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[9], '*', 'group', ARGV[5], 'event', entry and entry[2][6] or '',
  'kind', ARGV[6], 'reason', ARGV[7], 'message', ARGV[8], 'buriedAt', digits(now))
${NEXT}`,
);

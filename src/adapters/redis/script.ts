import { createHash } from 'node:crypto';

/**
 * A piece of Lua that Redis runs as one atomic act. Some scripts name keys by what they find in others, so none of
 * this runs on a Redis Cluster; one primary carries far more calls than a fleet of ours answers.
 */
export interface Script {
  readonly lua: string;
  /** SHA-1 in hex: what Redis knows it by. */
  readonly sha: string;
}

/**
 * Makes a script. `#!lua` has Redis refuse it before its first command, not halfway, when it could not write.
 *
 * @param needs `room`: refused when memory is full. `none`: what frees, or keeps what is there, goes on
 */
export function script(needs: 'room' | 'none', body: string): Script {
  const lua = `#!lua${needs === 'none' ? ' flags=allow-oom' : ''}\n${body}`;
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/**
 * Lua that leaves in `now` the epoch milliseconds of ARGV[1], or Redis' own when that is empty: all processes go by
 * one clock, and none has to be right.
 */
export const NOW = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- A number joined to text would lose digits.
local function digits(number) return string.format('%.0f', number) end
`;

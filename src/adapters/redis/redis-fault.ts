import { Fault } from '../../std/fault.ts';

/** What Redis answers when it will not do a thing just now, whatever the thing is. */
const REFUSALS: ReadonlySet<string> = new Set([
  'OOM',
  'READONLY',
  'LOADING',
  'BUSY',
  'MISCONF',
  'MASTERDOWN',
  'NOREPLICAS',
  'NOAUTH',
  'NOPERM',
  'WRONGPASS',
]);

const EFFECT = 'calls in progress go on from memory; new ones hear the busy line where no slot is kept ready';

/**
 * What ioredis threw, as a Fault; a Fault passes through. What it threw is not handed on as the cause: it carries the
 * command with its arguments, words and passwords included.
 */
export function redisFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  const code = redisCode(thrown);
  const detail = { code };
  if (!isAnswer(thrown)) {
    return new Fault('unavailable', 'redis.unreachable', `expected a connection to Redis, there is none (${code})`, {
      detail,
      effect: EFFECT,
      fixes: ['start Redis; it is connected to by itself', 'check REDIS_URL'],
    });
  }
  if (REFUSALS.has(code)) {
    return new Fault('unavailable', 'redis.refused', `expected Redis to take the command, it answered ${code}`, {
      detail,
      effect: EFFECT,
      fixes: ['look the code up in the Redis log: memory, password, a replica instead of the primary'],
    });
  }
  return new Fault('bug', 'redis.failed', `expected Redis to understand the command, it answered ${code}`, {
    detail,
    effect: EFFECT,
    fixes: ['check that Redis is 7.0 or later, and that nothing but offhook writes its keys', 'report it'],
  });
}

/** Why, in a word: the first of Redis' answer, or the system's code. Never the rest, which quotes commands. */
export function redisCode(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'unknown';
  const [, answered] = /^(?:-)?([A-Z][A-Z]+)\b/.exec(thrown.message) ?? [];
  if (isAnswer(thrown)) return answered ?? 'unknown';
  return 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'not connected';
}

function isAnswer(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'ReplyError';
}

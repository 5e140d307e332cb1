import { Redis } from 'ioredis';
import type { Clock } from '../../std/clock.ts';
import type { Log } from '../../std/log.ts';
import { untilAborted, withDeadline } from '../../std/signals.ts';
import { redisCode, redisFault } from './redis-fault.ts';
import type { Script } from './script.ts';
import { succeed } from './succession.ts';

export interface RedisOptions {
  /** How long a call may wait for its state. Default 100. */
  readonly timeoutMs?: number;
  /** What every key begins with. Default `offhook:`. */
  readonly prefix?: string;
  /** The epoch milliseconds that scripts go by; default Redis' own clock. For tests. */
  readonly now?: () => number;
}

/** One connection to Redis, made anew whenever it is lost. */
export interface RedisConnection {
  /** The full name of a key, or of a channel. */
  key(name: string): string;
  /**
   * Runs a script in one round trip; ARGV[1] is the time (see `NOW`), `args` come after it. What was given up on, by
   * time or signal, may still take effect, but not after anything that is asked on a later connection.
   *
   * @param timeoutMs default: the connection's
   * @throws Fault `redis.unreachable` at once without a connection, `redis.timeout`, `redis.refused`, `redis.failed`
   */
  run(
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
    signal: AbortSignal,
    timeoutMs?: number,
  ): Promise<unknown>;
  /** Sends a plain command, under the same terms. */
  ask<T>(command: (redis: Redis) => Promise<T>, signal: AbortSignal, timeoutMs?: number): Promise<T>;
  /** Waits for what was asked, no longer than a command may take, and closes. Idempotent. */
  close(): Promise<void>;
}

const DEFAULT_PREFIX = 'offhook:';
const DEFAULT_TIMEOUT_MS = 100;
const CONNECT_TIMEOUT_MS = 300;
/** Without a byte for so long after asking, the connection counts as lost: a stopped Redis, a silent network. */
const SILENCE_MS = 1_000;

/**
 * Connects to Redis. Settles when it is connected to, or the first try has failed: trying goes on by itself, and until
 * then commands fail at once.
 *
 * @param signal ends the opening; once open, `close` ends it
 */
export async function connectRedis(
  url: string,
  clock: Clock,
  log: Log,
  { timeoutMs: callTimeoutMs = DEFAULT_TIMEOUT_MS, prefix = DEFAULT_PREFIX, now }: RedisOptions,
  signal: AbortSignal,
): Promise<RedisConnection> {
  signal.throwIfAborted();
  const redis = newClient(url);
  logOutages(redis, log);
  const succession = succeed(redis, log);

  const ask: RedisConnection['ask'] = async (command, within, timeoutMs = callTimeoutMs) => {
    within.throwIfAborted();
    succession.assertCurrent();
    return withDeadline(clock, timeoutMs, 'redis.timeout', within, () =>
      command(redis).catch((thrown: unknown) => {
        throw redisFault(thrown);
      }),
    );
  };
  let closed: Promise<void> | undefined;
  const close = async () => {
    // Quitting answers after what was asked before. A Redis that does not answer is let go of all the same.
    await ask((client) => client.quit(), new AbortController().signal).catch(() => undefined);
    redis.disconnect();
  };

  const connection: RedisConnection = {
    key: (name) => prefix + name,
    run({ lua, sha }, keys, args, within, timeoutMs) {
      const time = now ? String(now()) : '';
      return ask(
        (client) =>
          client.evalsha(sha, keys.length, ...keys, time, ...args).catch((thrown: unknown) => {
            // Once for every script and start of Redis.
            if (redisCode(thrown) !== 'NOSCRIPT') throw thrown;
            return client.eval(lua, keys.length, ...keys, time, ...args);
          }),
        within,
        timeoutMs,
      );
    },
    ask,
    close() {
      closed ??= close();
      return closed;
    },
  };
  try {
    await untilAborted(succession.firstTry, signal);
  } catch (thrown) {
    redis.disconnect();
    throw thrown;
  }
  return connection;
}

/** A client that never keeps a command for later: what cannot be done now, its caller decides about. */
export function newClient(url: string): Redis {
  return new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(25 * 2 ** Math.min(times, 5), 500),
    // Asked again soon while it reads its data back: it says 1 s at the least.
    maxLoadingRetryTime: 100,
    // Redis 7.0 does not know it.
    disableClientInfo: true,
    // Subscribing is done anew by whoever subscribes.
    autoResubscribe: false,
  });
}

/** One line when the connection is lost or cannot be made, one when it is back. Never the URL: it has the password. */
function logOutages(redis: Redis, log: Log): void {
  let isOut = false;
  const out = (code: string) => {
    if (!isOut) log.error({ reason: 'redis.unreachable', code }, 'Redis cannot be reached; trying on');
    isOut = true;
  };
  redis.on('error', (thrown: unknown) => out(redisCode(thrown)));
  redis.on('reconnecting', () => out('closed'));
  redis.on('ready', () => {
    if (isOut) log.info({}, 'Redis is back');
    isOut = false;
  });
}

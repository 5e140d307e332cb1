import type { Redis } from 'ioredis';
import type { Log } from '../../std/log.ts';
import { redisCode, redisFault } from './redis-fault.ts';
import { textOf } from './replies.ts';

/** One client's connections, each of which takes over from those before it. */
export interface Succession {
  /** Settles when commands may be sent, or the first try to connect has failed; never rejects. */
  readonly firstTry: Promise<void>;
  /** @throws Fault `redis.unreachable` while there is no connection, or those before it may still change something */
  assertCurrent(): void;
}

/** A connection as Redis names it. Both, since a Redis that started anew counts its ids from the start. */
interface Named {
  readonly id: string;
  readonly addr: string;
}

/**
 * Connects, and again whenever the connection is lost. A Redis that stood still goes on with what it had been sent, on
 * a connection long given up here; so each new one has Redis close those before it before anything is asked on it:
 * what was given up has happened by then, or never will.
 */
export function succeed(redis: Redis, log: Log): Succession {
  let isCurrent = false;
  let turn = 0;
  /** Those on which something may have been asked, and that Redis may not have closed. */
  let open: readonly Named[] = [];
  const first = Promise.withResolvers<void>();
  redis.on('ready', () => void takeOver());
  redis.on('close', () => {
    turn += 1;
    isCurrent = false;
  });
  // The first failure is in the log; a later try may succeed.
  redis.connect().catch(() => first.resolve());

  return {
    firstTry: first.promise,
    assertCurrent() {
      if (!isCurrent) throw redisFault(new Error('expected a connection that has taken over'));
    },
  };

  async function takeOver(): Promise<void> {
    const mine = turn;
    try {
      const named = namedIn(textOf(await redis.client('INFO')));
      await Promise.all(open.map(({ id, addr }) => redis.call('CLIENT', 'KILL', 'ID', id, 'ADDR', addr)));
      if (mine !== turn) return;
      open = named ? [named] : [];
      isCurrent = true;
    } catch (thrown) {
      if (mine !== turn) return; // the next one tries
      log.warn({ code: redisCode(thrown) }, 'Redis does not let us close connections; late commands may take effect');
      isCurrent = true;
    } finally {
      first.resolve();
    }
  }
}

function namedIn(info: string): Named | undefined {
  const { id, addr } = Object.fromEntries(info.split(' ').map((field) => field.split(/=(.*)/s, 2)));
  return typeof id === 'string' && typeof addr === 'string' ? { id, addr } : undefined;
}

import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import { openRedis, type RedisStores } from '../../src/adapters/redis/redis.ts';
import { silentLog } from '../../src/std/log.ts';
import { ManualClock } from '../../src/std/manual-clock.ts';
import { type MakeSubject, signal } from '../contracts/subject.ts';
import { inTurn } from './in-turn.ts';

/** Redis dates what expires by itself: between two commands of a test less than this goes by. */
const LEEWAY_MS = 5_000;

/** Openings of one installation that nobody else has the keys of, and how to close them. */
export async function openFleet(size: number) {
  const url = inject('redisUrl');
  const prefix = `test:${randomUUID()}:`;
  const clock = new ManualClock();
  const options = { prefix, now: () => clock.now(), timeoutMs: 2_000 };
  const opened: RedisStores[] = [];
  const open = async () => {
    const stores = await openRedis(url, clock, silentLog, options, signal);
    opened.push(stores);
    return stores;
  };
  const stores = await Promise.all(Array.from({ length: size }, open));
  const close = async () => {
    await Promise.all(opened.map((one) => one.close()));
  };
  /** Time passes, also for what expires in Redis by itself. */
  const pass = async (ms: number) => {
    await clock.advance(ms);
    await withClient(url, async (redis) => {
      for (const key of await redis.keys(`${prefix}*`)) {
        const leftMs = await redis.pttl(key);
        if (leftMs >= 0) await redis.pexpire(key, leftMs - ms);
      }
    });
  };
  return { url, prefix, clock, stores, open, pass, close };
}

/** A port over three openings of one installation: every call of it goes to the next. */
export function inRedisFleet<Port extends object>(pick: (stores: RedisStores) => Port): MakeSubject<Port> {
  return async () => {
    const { clock, stores, open, pass, close } = await openFleet(3);
    return {
      port: inTurn(stores.map(pick)),
      clock,
      pass,
      leewayMs: LEEWAY_MS,
      async reopen() {
        await close();
        return pick(await open());
      },
      close,
    };
  };
}

/** Looks at, or changes, what only Redis itself can show. */
export async function withClient<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

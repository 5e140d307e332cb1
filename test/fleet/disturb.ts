import { sleep, systemClock } from '../../src/std/clock.ts';
import { seededRandom } from '../../src/std/random.ts';
import type { Fleet } from './fleet.ts';

/** Something that befalls a fleet, so many milliseconds after its callers began to dial. */
export type Disturbance = { readonly atMs: number } /** `kill -9`, and started again after a while. */ & (
  | { readonly kind: 'kill'; readonly replica: number; readonly awayMs: number }
  /** A deploy of all replicas, one after another. */
  | { readonly kind: 'roll' }
  /** SIGKILL, and started again with what it had written. */
  | { readonly kind: 'redis-kill' | 'postgres-kill'; readonly awayMs: number }
  /** SIGSTOP: connections stay, and new ones open, but nothing answers. */
  | { readonly kind: 'redis-stop'; readonly awayMs: number }
);

/**
 * Kills of random replicas, evenly spaced with some chance: one after another, so that somebody is always left.
 *
 * @param seed the same seed, the same kills
 */
export function randomKills(
  seed: number,
  terms: { readonly kills: number; readonly fromMs: number; readonly everyMs: number; readonly replicas: number },
): readonly Disturbance[] {
  const random = seededRandom(seed);
  return Array.from({ length: terms.kills }, (_, index) => ({
    kind: 'kill',
    atMs: Math.round(terms.fromMs + (index + random() / 2) * terms.everyMs),
    replica: Math.floor(random() * terms.replicas),
    awayMs: Math.round(random() * terms.everyMs * 0.4),
  }));
}

/** Has it all befall the fleet, each at its time. Settles once the fleet is whole again. */
export async function disturb(fleet: Fleet, disturbances: readonly Disturbance[], signal: AbortSignal): Promise<void> {
  const beganAt = systemClock.now();
  const until = (atMs: number) => sleep(systemClock, Math.max(0, beganAt + atMs - systemClock.now()), signal);
  await Promise.all(
    disturbances.map(async (disturbance) => {
      await until(disturbance.atMs);
      const mend = await befall(fleet, disturbance);
      if (disturbance.kind !== 'roll') await until(disturbance.atMs + disturbance.awayMs);
      await mend();
    }),
  );
}

/** @returns how it is mended */
async function befall(fleet: Fleet, disturbance: Disturbance): Promise<() => unknown> {
  const { redis, postgres, replicas } = fleet;
  switch (disturbance.kind) {
    case 'kill': {
      const service = replicas[disturbance.replica]?.service;
      await service?.kill();
      return () => service?.start();
    }
    case 'roll':
      await fleet.roll();
      return () => undefined;
    case 'redis-kill':
      await redis.kill();
      return () => redis.start();
    case 'redis-stop':
      redis.pause();
      return () => redis.resume();
    case 'postgres-kill':
      if (!postgres) throw new Error('expected a fleet with a Postgres of its own');
      await postgres.kill();
      return () => postgres.start();
    default:
      return disturbance satisfies never;
  }
}

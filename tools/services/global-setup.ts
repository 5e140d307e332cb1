import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The Redis that all tests of the project share. */
    readonly redisUrl: string;
    /** The Postgres that all tests of the project share: its user may create databases. */
    readonly postgresUrl: string;
  }
}

/** Starts what the tests of `services` share; the function it returns stops it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  project.provide('redisUrl', redis.url);
  project.provide('postgresUrl', postgres.url);
  return async () => {
    await Promise.all([redis.stop(), postgres.stop()]);
  };
}

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { EXAMPLE_AGENT } from '../../src/cli/example-agent.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLog } from '../../src/std/log.ts';
import { loadConfig } from '../../src/variants/config.ts';
import { openDistributed } from '../../src/variants/distributed.ts';
import { signal } from '../contracts/subject.ts';

/** The ports of one replica, over a folder of its own unless told otherwise. */
export async function openReplica(databaseUrl: string, dataDir?: string) {
  const folder = await mkdtemp(join(tmpdir(), 'offhook-'));
  const env = {
    OFFHOOK_VARIANT: 'distributed',
    OFFHOOK_DATA_DIR: dataDir ?? folder,
    REDIS_URL: inject('redisUrl'),
    DATABASE_URL: databaseUrl,
    RETELL_WEBHOOK_KEY: 'key_of_a_test',
  };
  const config = await loadConfig(env, folder, EXAMPLE_AGENT);
  return openDistributed(config, systemClock, silentLog, signal);
}

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, inject, it } from 'vitest';
import { startReplica } from '../../tools/services/replica.ts';
import { startHouse } from '../calls/house.ts';

const PRELOAD = fileURLToPath(new URL('../fleet/note-loads.mjs', import.meta.url));
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const STORES = ['node:sqlite', 'node_modules/ioredis/', 'node_modules/pg/', 'node_modules/graphile-worker/'];

/** What a server notes with the preload, and the stores' vendors among it once its routes have been asked for. */
function noteLoads() {
  const folder = mkdtempSync(join(tmpdir(), 'offhook-loads-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'loads');
  return {
    folder,
    env: { NODE_OPTIONS: `--import=${PRELOAD}`, TEST_LOADS_FILE: file, RETELL_WEBHOOK_KEY: 'key_of_a_test' },
    async storesOf(url: string): Promise<readonly string[]> {
      // Unsigned, so refused; the routes are loaded all the same.
      await fetch(`${url}/webhooks/retell`, { method: 'POST', body: '{}' });
      const loaded = readFileSync(file, 'utf8');
      return STORES.filter((name) => loaded.includes(name));
    },
  };
}

it('a replica loads Redis and Postgres, and nothing of the embedded store', async () => {
  const { folder, env, storesOf } = noteLoads();
  const stores = { REDIS_URL: inject('redisUrl'), DATABASE_URL: inject('postgresUrl') };
  const { service } = await startReplica({ name: 'replica', folder, drainMs: 1_000, env: { ...env, ...stores } });
  cleanUps.push(() => service.kill());
  expect(await storesOf(service.url)).toEqual(STORES.slice(1));
});

it('a single process loads the embedded store, and nothing of a fleet', async () => {
  const { env, storesOf } = noteLoads();
  const house = await startHouse({ env });
  cleanUps.push(() => house.close());
  expect(await storesOf(house.url)).toEqual(STORES.slice(0, 1));
});

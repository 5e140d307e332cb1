import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it, vi } from 'vitest';
import { openReplica } from './distributed-rig.ts';
import { dropDatabase, newDatabase, statement } from './postgres-subject.ts';
import { withClient } from './redis-subject.ts';

/** Connections that anybody has to Redis, and to this database: but for those that ask. */
async function connections(url: string) {
  const redis = await withClient(inject('redisUrl'), async (client) => String(await client.client('LIST')));
  const [row] = await statement(
    url,
    'SELECT count(*)::int AS others FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  return { redis: redis.trim().split('\n').length - 1, postgres: row };
}

it.each([
  ['Postgres was written by a newer offhook', 'store.too_new'],
  ['no webhook could be kept on disk', 'spool.unusable'],
])('a replica lets go of all it had opened when %s', async (_, reason) => {
  const url = await newDatabase();
  const before = await connections(url);
  let dataDir: string | undefined;
  if (reason === 'store.too_new') await statement(url, 'UPDATE offhook.schema_version SET version = 99');
  else {
    dataDir = join(tmpdir(), `offhook-${randomUUID()}`);
    await writeFile(dataDir, 'no folder');
  }
  await expect(openReplica(url, dataDir)).rejects.toMatchObject({ reason });
  await vi.waitFor(async () => expect(await connections(url)).toEqual(before), { timeout: 5_000, interval: 50 });
  await dropDatabase(url);
});

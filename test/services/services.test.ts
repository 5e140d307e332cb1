import { Redis } from 'ioredis';
import { Client } from 'pg';
import { expect, inject, it } from 'vitest';

it('has a Redis for everybody', async () => {
  const redis = new Redis(inject('redisUrl'));
  expect(await redis.ping()).toBe('PONG');
  redis.disconnect();
});

it('has a Postgres for everybody', async () => {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await client.end();
});

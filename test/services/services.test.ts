import { Redis } from 'ioredis';
import { Client } from 'pg';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../../tools/services/fault-proxy.ts';
import { startPostgres } from '../../tools/services/postgres.ts';
import { startRedis } from '../../tools/services/redis.ts';
import type { RunningService } from '../../tools/services/running-service.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

describe('Redis', () => {
  it('runs for everybody', async () => {
    expect(await redisAt(inject('redisUrl')).ping()).toBe('PONG');
  });

  it('has every answered write after a SIGKILL, on the same port', async () => {
    const redis = await owned(startRedis());
    await redisAt(redis.url).set('call', 'adrift');
    const { pid } = redis;
    await redis.kill();
    expect(isAlive(pid)).toBe(false);
    await redis.start();
    expect(redis.pid).not.toBe(pid);
    expect(await redisAt(redis.url).get('call')).toBe('adrift');
  });

  it('answers nothing while it is paused, and everything afterwards', async () => {
    const redis = await owned(startRedis());
    const client = redisAt(redis.url);
    await client.ping();
    redis.pause();
    const answer = client.ping();
    expect(await Promise.race([answer, afterMs(150)])).toBe('silence');
    redis.resume();
    expect(await answer).toBe('PONG');
  });
});

describe('Postgres', () => {
  it('runs for everybody', async () => {
    const client = await postgresAt(inject('postgresUrl'));
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('has every committed row after a SIGKILL, and leaves no process behind', async () => {
    const postgres = await owned(startPostgres());
    const client = await postgresAt(postgres.url);
    await client.query('create table calls (id text)');
    await client.query("insert into calls values ('call_1')");
    const backend = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid ?? 0;
    postgres.pause();
    expect(await Promise.race([client.query('select 1'), afterMs(150)])).toBe('silence');
    await postgres.kill();
    expect(isAlive(backend)).toBe(false);
    await postgres.start();
    const again = await postgresAt(postgres.url);
    expect((await again.query('select id from calls')).rows).toEqual([{ id: 'call_1' }]);
  });
});

describe('the fault proxy', () => {
  it('delays what the client sends, and nothing else', async () => {
    const { proxy, client } = await proxied();
    proxy.delay(300);
    expect(await elapsedMs(() => client.ping())).toBeGreaterThanOrEqual(299);
    proxy.pass();
    expect(await elapsedMs(() => client.ping())).toBeLessThan(299);
  });

  it('holds everything back as a black hole does, in order', async () => {
    const { proxy, client } = await proxied();
    proxy.blackHole();
    const answers = Promise.all([client.rpush('list', 'a'), client.rpush('list', 'b')]);
    expect(await Promise.race([answers, afterMs(100)])).toBe('silence');
    proxy.pass();
    expect(await answers).toEqual([1, 2]);
  });

  it('resets connections, and new ones until it passes again', async () => {
    const { proxy, client } = await proxied();
    const lost = new Promise((resolve) => client.once('close', resolve));
    proxy.reset();
    await lost;
    await expect(redisAt(`redis://127.0.0.1:${proxy.port}`).connect()).rejects.toThrow();
    proxy.pass();
    expect(await redisAt(`redis://127.0.0.1:${proxy.port}`).ping()).toBe('PONG');
  });
});

async function owned(starting: Promise<RunningService>): Promise<RunningService> {
  const service = await starting;
  cleanUps.push(() => service.stop());
  return service;
}

async function proxied(): Promise<{ readonly proxy: FaultProxy; readonly client: Redis }> {
  const redis = await owned(startRedis());
  const proxy = await startFaultProxy(redis.port);
  cleanUps.push(() => proxy.close());
  const client = redisAt(`redis://127.0.0.1:${proxy.port}`);
  await client.ping();
  return { proxy, client };
}

function redisAt(url: string): Redis {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => undefined); // what went wrong rejects the command
  cleanUps.push(async () => client.disconnect());
  return client;
}

async function postgresAt(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined); // the server is killed under it
  await client.connect();
  cleanUps.push(() => Promise.race([client.end(), afterMs(100)]));
  return client;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false; // no such process
  }
}

function afterMs(delayMs: number): Promise<'silence'> {
  return new Promise((resolve) => setTimeout(resolve, delayMs, 'silence'));
}

async function elapsedMs(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { startPostgres } from '../../tools/services/postgres.ts';
import { startRedis } from '../../tools/services/redis.ts';
import { startReplica } from '../../tools/services/replica.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** What `/ready` answers: the status, and the reasons it gives. */
async function readiness(url: string): Promise<{ readonly status: number; readonly reasons: readonly string[] }> {
  const response = await fetch(`${url}/ready`);
  const text = await response.text();
  const { reasons = [] }: { reasons?: readonly { reason: string }[] } = JSON.parse(text);
  return { status: response.status, reasons: reasons.map(({ reason }) => reason) };
}

it('starts without Redis and Postgres, says which is missing and why, and is ready when both have come', async () => {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  cleanUps.push(() => Promise.all([redis.stop(), postgres.stop()]));
  await Promise.all([redis.kill(), postgres.kill()]);
  const folder = mkdtempSync(join(tmpdir(), 'offhook-start-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  const { service } = await startReplica({
    name: 'replica',
    folder,
    drainMs: 1_000,
    until: 'live',
    env: { REDIS_URL: redis.url, DATABASE_URL: postgres.url, RETELL_WEBHOOK_KEY: 'key_of_a_test', OFFHOOK_LOG: 'warn' },
  });
  cleanUps.push(() => service.kill());

  const isBack = { timeout: 10_000, interval: 50 };
  await expect
    .poll(() => readiness(service.url), isBack)
    .toEqual({ status: 503, reasons: ['redis.unreachable', 'postgres.unreachable'] });
  await redis.start();
  await expect.poll(() => readiness(service.url), isBack).toEqual({ status: 503, reasons: ['postgres.unreachable'] });
  await postgres.start();
  await expect.poll(() => readiness(service.url), isBack).toEqual({ status: 200, reasons: [] });
});

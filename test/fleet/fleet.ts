import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { startNginx } from '../../tools/services/nginx.ts';
import { startPostgres } from '../../tools/services/postgres.ts';
import { startRedis } from '../../tools/services/redis.ts';
import { type Replica, startReplica } from '../../tools/services/replica.ts';
import type { RunningService } from '../../tools/services/running-service.ts';

const HOUSE = fileURLToPath(new URL('./house/', import.meta.url));
const DRAIN_MS = 10_000;

export interface FleetOptions {
  /** Calls at once, of the whole fleet. */
  readonly maxCalls: number;
  /** Default 3. */
  readonly replicas?: number;
  /** A Postgres that others use too: the fleet gets a database of its own there. Without it, a server of its own. */
  readonly postgresUrl?: string;
  /** Instead of the command line's `start`. */
  readonly entry?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a tool did to the world. */
export interface Effect {
  readonly callId: string;
  readonly key: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly pid: number;
}

/** Alike replicas, real processes, behind a real nginx, with a Redis of their own: each can be killed and started again. */
export interface Fleet {
  /** The balancer's. */
  readonly url: string;
  readonly replicas: readonly Replica[];
  readonly redis: RunningService;
  /** Undefined when it is somebody else's. */
  readonly postgres: RunningService | undefined;
  readonly databaseUrl: string;
  readonly maxCalls: number;
  readonly webhookKey: string;
  readonly socketSecret: string;
  /** What tools did, in order. */
  effects(): readonly Effect[];
  /** A deploy: SIGTERM, gone, started again, ready; one replica after another. */
  roll(): Promise<void>;
  /** The last lines of every replica's log. */
  logs(): string;
  close(): Promise<void>;
}

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'offhook-fleet-'));
  const effectsFile = join(folder, 'effects.log');
  const [webhookKey, socketSecret] = [`key_${randomUUID()}`, randomUUID()];
  const [redis, postgres] = await Promise.all([
    startRedis(),
    options.postgresUrl === undefined ? startPostgres() : undefined,
  ]);
  const databaseUrl = postgres?.url ?? (await newDatabase(options.postgresUrl ?? ''));
  const replicas = await Promise.all(
    Array.from({ length: options.replicas ?? 3 }, (_, index) =>
      startReplica({
        name: `replica-${index + 1}`,
        folder,
        cwd: HOUSE,
        drainMs: DRAIN_MS,
        ...(options.entry !== undefined && { entry: options.entry }),
        env: {
          REDIS_URL: redis.url,
          DATABASE_URL: databaseUrl,
          RETELL_WEBHOOK_KEY: webhookKey,
          OFFHOOK_SOCKET_SECRET: socketSecret,
          OFFHOOK_MAX_CALLS: String(options.maxCalls),
          OFFHOOK_LOG: 'warn',
          TEST_EFFECTS_FILE: effectsFile,
          ...options.env,
        },
      }),
    ),
  );
  const nginx = await startNginx({ replicas: replicas.map(({ service }) => service.port) });

  return {
    url: nginx.url,
    replicas,
    redis,
    postgres,
    databaseUrl,
    maxCalls: options.maxCalls,
    webhookKey,
    socketSecret,
    effects: () => readEffects(effectsFile),
    async roll() {
      for (const { service } of replicas) {
        await service.stop();
        await service.start();
      }
    },
    logs: () =>
      replicas.map(({ name, logFile }) => `${name}:\n${readFileSync(logFile, 'utf8').slice(-2_000)}`).join('\n'),
    async close() {
      await Promise.all([nginx.stop(), ...replicas.map(({ service }) => service.kill())]);
      await Promise.all([redis.stop(), postgres?.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function newDatabase(url: string): Promise<string> {
  const name = `fleet_${randomUUID().replaceAll('-', '')}`;
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
  return Object.assign(new URL(url), { pathname: `/${name}` }).href;
}

function readEffects(path: string): readonly Effect[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line): Effect => JSON.parse(line));
}

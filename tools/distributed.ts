/**
 * The whole picture of `distributed` on one machine, without Docker: Redis, Postgres, nginx and three replicas, until
 * Ctrl-C. A replica that dies is started again. What is kept stays in `.offhook/distributed`.
 */
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureWebhookKey } from '../src/variants/config-webhook-key.ts';
import { freePort } from './services/free-port.ts';
import { startNginx } from './services/nginx.ts';
import { startPostgres } from './services/postgres.ts';
import { startRedis } from './services/redis.ts';
import { type Replica, startReplica } from './services/replica.ts';
import type { RunningService } from './services/running-service.ts';

const FOLDER = resolve('.offhook', 'distributed');
const NAMES = ['replica-1', 'replica-2', 'replica-3'];
const DRAIN_MS = 10_000;
const AGAIN_AFTER_MS = 1_000;
/** One Ctrl-C arrives twice: from the terminal, and from npm. */
const SAME_WISH_MS = 500;

/** In the order they were started in. */
const running: RunningService[] = [];
let isStopping = false;

stopOnSignals();
try {
  await startAll();
} catch (thrown) {
  if (!isStopping) {
    console.error(`✗ ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    await stopAll();
    process.exit(1);
  }
}

async function startAll(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  // Postgres refuses a folder that is in use, so it goes before those that would not.
  const postgres = await started(startPostgres({ folder: join(FOLDER, 'postgres'), isDurable: true }));
  const redis = await started(startRedis({ folder: join(FOLDER, 'redis') }));
  const shared = {
    REDIS_URL: redis.url,
    DATABASE_URL: postgres.url,
    RETELL_WEBHOOK_KEY: process.env.RETELL_WEBHOOK_KEY || (await ensureWebhookKey(FOLDER)).reveal(),
  };
  const replicas = await Promise.all(NAMES.map((name) => startOne(name, shared)));
  const nginx = await started(
    startNginx({
      replicas: replicas.map(({ service }) => service.port),
      folder: join(FOLDER, 'nginx'),
      port: await balancerPort(),
    }),
  );
  console.log(picture(nginx, replicas, redis, postgres));
}

async function startOne(name: string, shared: Readonly<Record<string, string>>): Promise<Replica> {
  const starting = startReplica({
    name,
    folder: FOLDER,
    drainMs: DRAIN_MS,
    env: { OFFHOOK_MAX_CALLS: '100', OFFHOOK_LOG: 'info', ...givenEnvironment(), ...shared },
    onDeath: () => {
      starting.then(({ service }) => startAgain(name, service)).catch(report);
    },
  });
  const replica = await starting;
  running.push(replica.service);
  return replica;
}

async function startAgain(name: string, service: RunningService): Promise<void> {
  const diedAt = service.pid;
  while (!isStopping) {
    try {
      await service.start();
      console.log(`${name} (pid ${diedAt}) died, and runs again as pid ${service.pid}`);
      return;
    } catch (thrown) {
      report(thrown);
      await sleep(AGAIN_AFTER_MS);
    }
  }
}

async function started(starting: Promise<RunningService>): Promise<RunningService> {
  const service = await starting;
  running.push(service);
  return service;
}

function givenEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** The usual port, where clients look for a server, while nobody else has it. */
async function balancerPort(): Promise<number> {
  const usual = Number(process.env.PORT || 8_080);
  const isFree = await new Promise<boolean>((resolveWith) => {
    const server = createServer()
      .once('error', () => resolveWith(false))
      .listen(usual, '127.0.0.1', () => server.close(() => resolveWith(true)));
  });
  return isFree ? usual : await freePort();
}

function picture(
  nginx: RunningService,
  replicas: readonly Replica[],
  redis: RunningService,
  postgres: RunningService,
): string {
  const folder = relative('.', FOLDER);
  const client = (command: string) => `OFFHOOK_DATA_DIR=${folder} npm run ${command} -- --url ${nginx.url}`;
  const rows = [
    ['Socket URL', `${nginx.url.replace('http', 'ws')}/llm-websocket/{call_id}`],
    ['Webhook URL', `${nginx.url}/webhooks/retell`],
    ...replicas.map(({ name, service, adminUrl }) => [
      name,
      `pid ${String(service.pid).padEnd(8)}${adminUrl}/api/v1/status`,
    ]),
    ['nginx', `pid ${String(nginx.pid).padEnd(8)}${nginx.url}`],
    ['Redis', `pid ${String(redis.pid).padEnd(8)}${redis.url}`],
    ['Postgres', `pid ${String(postgres.pid).padEnd(8)}${postgres.url}`],
    ['Data, logs', folder],
  ];
  return [
    `offhook distributed: ${replicas.length} replicas behind ${nginx.url}`,
    '',
    ...rows.map(([name = '', value = '']) => `  ${name.padEnd(13)}${value}`),
    '',
    '  In a second terminal:',
    `    ${client('talk')}`,
    `    ${client('simulate')} --calls 20 --turns 10`,
    `    kill -9 ${replicas[0]?.service.pid}    meanwhile: its calls go on at the others, and it is started again`,
    '',
    '  Ctrl-C stops everything; the data stays.',
    '',
  ].join('\n');
}

function stopOnSignals(): void {
  let firstAt = 0;
  const onSignal = () => {
    const now = performance.now();
    if (isStopping && now - firstAt > SAME_WISH_MS) process.exit(130);
    if (isStopping) return;
    firstAt = now;
    console.log('\nstopping: the replicas drain first; Ctrl-C again stops at once');
    stopAll().then(() => process.exit(0), report);
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
}

/** Replicas before what they need. */
async function stopAll(): Promise<void> {
  isStopping = true;
  const isStore = ({ url }: RunningService) => !url.startsWith('http');
  await Promise.allSettled(running.filter((service) => !isStore(service)).map((service) => service.stop()));
  await Promise.allSettled(running.filter(isStore).map((service) => service.stop()));
}

function report(thrown: unknown): void {
  if (!isStopping) console.error(`✗ ${thrown instanceof Error ? thrown.message : String(thrown)}`);
}

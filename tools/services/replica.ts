import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';
import { type RunningService, runService } from './running-service.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/offhook.js', import.meta.url));
/** Beyond its drain: what it stores at the end. */
const STOP_AFTER_DRAIN_MS = 5_000;

export interface ReplicaOptions {
  readonly name: string;
  /** Its data goes into a folder of its name there, its log beside it. */
  readonly folder: string;
  /** `REDIS_URL` and `DATABASE_URL` among it. */
  readonly env: Readonly<Record<string, string>>;
  readonly drainMs: number;
  /** Where its configuration is; our own folder unless given. */
  readonly cwd?: string;
  /** Instead of the command line's `start`. */
  readonly entry?: string;
  /** What it must say to count as started; default `ready`. */
  readonly until?: 'live' | 'ready';
  /** Told when it is gone and nobody asked for it. */
  readonly onDeath?: () => void;
}

/** One of several alike processes of the variant `distributed`. */
export interface Replica {
  readonly name: string;
  readonly service: RunningService;
  readonly adminUrl: string;
  readonly logFile: string;
}

/** Starts a replica on free ports, that keeps them when it is started again. */
export async function startReplica(options: ReplicaOptions): Promise<Replica> {
  const { name, folder, drainMs, cwd, onDeath, until = 'ready' } = options;
  const [port, adminPort] = [await freePort(), await freePort()];
  const dataDir = join(folder, name);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(folder, `${name}.log`);
  const service = await runService({
    name,
    url,
    port,
    command: process.execPath,
    args: [options.entry ?? LAUNCHER, 'start'],
    env: {
      ...options.env,
      OFFHOOK_VARIANT: 'distributed',
      OFFHOOK_DRAIN_MS: String(drainMs),
      OFFHOOK_DATA_DIR: dataDir,
      HOST: '127.0.0.1',
      PORT: String(port),
      OFFHOOK_ADMIN_PORT: String(adminPort),
    },
    ...(cwd !== undefined && { cwd }),
    logFile,
    stopSignal: 'SIGTERM',
    stopWithinMs: drainMs + STOP_AFTER_DRAIN_MS,
    answers: () => expectOk(`${url}/${until}`),
    ...(onDeath && { onDeath }),
  });
  return { name, service, adminUrl: `http://127.0.0.1:${adminPort}`, logFile };
}

async function expectOk(url: string): Promise<void> {
  const { ok } = await fetch(url, { signal: AbortSignal.timeout(1_000) });
  if (!ok) throw new Error('not yet');
}

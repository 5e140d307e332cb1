import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DebianProgram, findProgram } from './debian.ts';
import { freePort } from './free-port.ts';
import { type RunningService, runService } from './running-service.ts';

const REDIS: DebianProgram = {
  name: 'redis-server',
  path: 'usr/bin/redis-server',
  tryArgs: ['--version'],
  packages: [
    // biome-ignore format: a list to compare with Debian's
    ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1', 'liblua5.1-0', 'lua-cjson', 'lua-bitop'],
    ['libssl3', 'libsystemd0'],
  ],
};

export interface RedisOptions {
  /** Where its data stays after `stop`; without it, nowhere. */
  readonly folder?: string;
}

/** A Redis that keeps its data as one in production should: every write in the append-only file, nothing evicted. */
export async function startRedis(options: RedisOptions = {}): Promise<RunningService> {
  const { path, env } = await findProgram(REDIS);
  const port = await freePort();
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'offhook-redis-'));
  await mkdir(folder, { recursive: true });
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
  };
  return runService({
    name: 'Redis',
    url: `redis://127.0.0.1:${port}`,
    port,
    command: path,
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    env,
    logFile: join(folder, 'redis.log'),
    stopSignal: 'SIGTERM',
    answers: () => ping(port),
    cleanUp: () => {
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  });
}

/** Rejects unless it says PONG: while it reads its file it accepts, and says LOADING. */
function ping(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 });
    const fail = () => {
      socket.destroy();
      reject(new Error('no PONG'));
    };
    socket.on('error', fail).on('timeout', fail).on('end', fail);
    socket.once('data', (bytes) => {
      if (bytes.toString() !== '+PONG\r\n') return fail();
      socket.destroy();
      resolve();
    });
    socket.write('PING\r\n');
  });
}

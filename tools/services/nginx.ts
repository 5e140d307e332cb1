import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DebianProgram, findProgram } from './debian.ts';
import { childrenOf } from './families.ts';
import { freePort } from './free-port.ts';
import { nginxConfig } from './nginx-config.ts';
import { type RunningService, runService } from './running-service.ts';

/** What is unpacked where no nginx is on the PATH. */
export const NGINX: DebianProgram = {
  name: 'nginx',
  path: 'usr/sbin/nginx',
  tryArgs: ['-v'],
  packages: [
    ['nginx', 'nginx-common'],
    ['libssl3', 'libpcre2-8-0', 'zlib1g', 'libcrypt1'],
  ],
};

export interface NginxOptions {
  /** Their ports on loopback. */
  readonly replicas: readonly number[];
  /** Where its configuration stays after `stop`; without it, nowhere. */
  readonly folder?: string;
  readonly port?: number;
}

export interface RunningNginx extends RunningService {
  /** Other replicas from here on; sockets that are open stay so. Settles when new ones go there. */
  reload(replicas: readonly number[]): Promise<void>;
}

/** The balancer of a fleet on this machine. */
export async function startNginx(options: NginxOptions): Promise<RunningNginx> {
  const { path, env } = await findProgram(NGINX);
  const port = options.port ?? (await freePort());
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'offhook-nginx-'));
  await mkdir(folder, { recursive: true });
  const config = join(folder, 'nginx.conf');
  const write = (replicas: readonly number[]) => writeFile(config, localConfig(port, replicas, folder));
  await write(options.replicas);
  const running = await runService({
    name: 'nginx',
    url: `http://127.0.0.1:${port}`,
    port,
    command: path,
    args: ['-p', folder, '-c', config, '-e', 'stderr', '-g', 'daemon off;'],
    env,
    logFile: join(folder, 'nginx.log'),
    stopSignal: 'SIGTERM',
    answers: () => reach(port),
    cleanUp: () => {
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  });
  return {
    ...running,
    get pid() {
      return running.pid;
    },
    async reload(replicas) {
      await write(replicas);
      const before = childrenOf(running.pid);
      process.kill(running.pid, 'SIGHUP');
      const deadline = Date.now() + RELOAD_WITHIN_MS;
      while (childrenOf(running.pid).every((pid) => before.includes(pid))) {
        if (Date.now() > deadline) throw new Error('expected new workers of nginx, got none: see its log');
        await sleep(5);
      }
    },
  };
}

const RELOAD_WITHIN_MS = 5_000;

function localConfig(port: number, replicas: readonly number[], folder: string): string {
  return nginxConfig({
    listen: `127.0.0.1:${port}`,
    replicas: replicas.map((replica) => `127.0.0.1:${replica}`),
    folder,
    // Its usual user may not enter the folders that root makes.
    ...(process.getuid?.() === 0 && { user: 'root' }),
  });
}

function reach(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 });
    socket.on('error', reject);
    socket.on('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

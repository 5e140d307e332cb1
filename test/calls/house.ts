import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../tools/services/free-port.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/offhook.js', import.meta.url));
const FIXTURE = fileURLToPath(new URL('./fixture/', import.meta.url));

export interface HouseOptions {
  /** Beside the ports, the data folder and the file of effects, which are given. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where the configuration is; the fixture's unless given. */
  readonly cwd?: string;
}

/** A real server process on free loopback ports, that can be killed and started again where it was. */
export interface TestHouse {
  readonly url: string;
  readonly adminUrl: string;
  readonly dataDir: string;
  /** What tools did to the world, in order: `book 20:00`. */
  effects(): readonly string[];
  /** Tools that were let in, whatever became of them. */
  begun(): readonly string[];
  /** Everything the processes printed. */
  output(): string;
  /** SIGKILL, and gone. */
  kill(): Promise<void>;
  /** SIGTERM, and gone; its exit code. */
  terminate(): Promise<number | null>;
  start(): Promise<void>;
  /** Ends whatever runs and removes what was kept. */
  close(): Promise<void>;
}

export async function startHouse(options: HouseOptions = {}): Promise<TestHouse> {
  const dataDir = mkdtempSync(join(tmpdir(), 'offhook-'));
  const effectsFile = join(dataDir, 'effects.log');
  const [port, adminPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  let printed = '';

  const house: TestHouse = {
    url,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    dataDir,
    effects: () => linesOf(effectsFile),
    begun: () => linesOf(`${effectsFile}.begun`),
    output: () => printed,
    kill: async () => {
      await end('SIGKILL');
    },
    terminate: () => end('SIGTERM'),
    async start() {
      child = spawn(process.execPath, [LAUNCHER, 'start'], {
        cwd: options.cwd ?? FIXTURE,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: process.env.PATH,
          PORT: String(port),
          OFFHOOK_ADMIN_PORT: String(adminPort),
          OFFHOOK_DATA_DIR: join(dataDir, 'data'),
          OFFHOOK_LOG: 'info',
          TEST_EFFECTS_FILE: effectsFile,
          ...options.env,
        },
      });
      const keep = (chunk: Buffer) => {
        printed += chunk.toString();
      };
      child.stdout?.on('data', keep);
      child.stderr?.on('data', keep);
      await untilReady(url, child, () => printed);
    },
    async close() {
      await end('SIGKILL');
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  await house.start();
  return house;

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
    return child.exitCode;
  }
}

function linesOf(path: string): readonly string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

/** Polls `/ready`, since it is the condition itself; fails at once when the process has exited. */
async function untilReady(url: string, child: ChildProcess, printed: () => string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the server exited with ${child.exitCode}: ${printed()}`);
    const response = await fetch(`${url}/ready`).catch(() => undefined); // not listening yet
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`the server was not ready within 20 s: ${printed()}`);
}

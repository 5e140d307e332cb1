import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuMsOf } from './host.ts';

/** A process of the benchmark, as a rule pinned to a core; what it prints is kept for when it fails. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  readonly child: ChildProcess;
  printed(): string;
  /** CPU time used so far, in milliseconds. Throws, with what it printed, when the process is gone. */
  cpuMs(): number;
  /** Its next message; rejects when it exits instead. */
  next(): Promise<unknown>;
  /** SIGKILL, and gone. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RunningOptions {
  readonly args: readonly string[];
  /** Without it, where the system likes. */
  readonly core?: number | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Talks by messages; not for the server, which knows nothing of us. */
  readonly hasChannel?: boolean;
}

/** Servers have one core to themselves, the generator and the model share the other. */
export const CORE = { server: 0, generator: 1 } as const;

/** Starts this same Node. */
export function run({ args, core, env = {}, cwd, hasChannel = false }: RunningOptions): Running {
  const folder = mkdtempSync(join(tmpdir(), 'offhook-bench-'));
  const output = join(folder, 'output');
  const file = openSync(output, 'w');
  const pinned = core === undefined ? [] : ['taskset', '-c', String(core)];
  const [command = process.execPath, ...rest] = [...pinned, process.execPath, ...args];
  const child = spawn(command, rest, {
    ...(cwd !== undefined && { cwd }),
    stdio: hasChannel ? ['ignore', file, file, 'ipc'] : ['ignore', file, file],
    env: { PATH: process.env.PATH, ...env },
  });
  closeSync(file);
  const printed = () => readFileSync(output, 'utf8');
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${args.join(' ')}: is taskset installed?`);
  const isGone = () => child.exitCode !== null || child.signalCode !== null;

  return {
    pid,
    child,
    printed,
    cpuMs() {
      if (isGone()) throw new Error(`${args.join(' ')} exited: ${printed().slice(-2_000)}`);
      return cpuMsOf(pid);
    },
    next: () =>
      new Promise((resolve, reject) => {
        const onMessage = (message: unknown) => {
          child.off('exit', onExit);
          resolve(message);
        };
        const onExit = () => {
          child.off('message', onMessage);
          reject(new Error(`${args.join(' ')} exited: ${printed().slice(-2_000)}`));
        };
        child.once('message', onMessage);
        child.once('exit', onExit);
      }),
    async [Symbol.asyncDispose]() {
      if (!isGone()) {
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }
      removeFolder(folder);
    },
  };
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** What was started, once all of it has: it ends with what it is given to, and no longer where the starting ends. */
export function kept(started: AsyncDisposableStack): AsyncDisposable {
  const moved = started.move();
  return { [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

/** The port that a process of ours says it listens on, as its first message. */
export async function listeningPort(process: Running): Promise<number> {
  const message = await process.next();
  if (typeof message === 'object' && message !== null && 'port' in message) return Number(message.port);
  throw new Error(`expected a port, got ${JSON.stringify(message)}`);
}

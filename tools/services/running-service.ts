import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithUs } from './end-with-us.ts';
import { signalFamily } from './families.ts';

/** A real service on loopback that can be killed, frozen and started again where it was. */
export interface RunningService {
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now. */
  readonly pid: number;
  /** SIGKILL; settles when it and its children are gone. */
  kill(): Promise<void>;
  /** SIGSTOP: its port takes connections, and nothing answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Again: same port, same data. Settles when it answers. */
  start(): Promise<void>;
  /** In peace; settles when it is gone. Removes the data unless the folder was given. */
  stop(): Promise<void>;
}

/** How one kind of service is run. */
export interface ServicePlan {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The folder it runs in; ours unless given. */
  readonly cwd?: string;
  /** The user it runs as, when that is not ours. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** What it prints goes there. */
  readonly logFile: string;
  /** Asks it for it to stop, also when this process exits. */
  readonly stopSignal: NodeJS.Signals;
  /** Whether it answers; a rejection means not yet. */
  readonly answers: () => Promise<unknown>;
  /** How long its peaceful end may take; default 10 s. */
  readonly stopWithinMs?: number;
  /** Told when it is gone and nobody here asked for it. */
  readonly onDeath?: () => void;
  /** Runs after `stop`. */
  readonly cleanUp?: () => void;
}

const START_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 10_000;

/** Those that are gone, or on their way, by our wish. */
const asked = new WeakSet<ChildProcess>();

/** Starts it, and settles when it answers. Rejects with the end of its log when it exits, or is silent for 30 s. */
export async function runService(plan: ServicePlan): Promise<RunningService> {
  let child = await launch(plan);
  return {
    url: plan.url,
    port: plan.port,
    get pid() {
      return child.pid ?? 0;
    },
    async kill() {
      await end(child, 'SIGKILL');
    },
    pause: () => signalFamily(child, 'SIGSTOP'),
    resume: () => signalFamily(child, 'SIGCONT'),
    async start() {
      if (isGone(child)) child = await launch(plan);
    },
    async stop() {
      signalFamily(child, 'SIGCONT');
      await end(child, plan.stopSignal, plan.stopWithinMs);
      plan.cleanUp?.();
    },
  };
}

async function launch(plan: ServicePlan): Promise<ChildProcess> {
  const log = openSync(plan.logFile, 'a');
  const child = spawn(plan.command, plan.args, {
    env: { PATH: process.env.PATH, ...plan.env },
    ...(plan.cwd !== undefined && { cwd: plan.cwd }),
    stdio: ['ignore', log, log],
    // A group of its own: Ctrl-C is for us, who stop things in order.
    detached: true,
    ...plan.user,
  });
  closeSync(log);
  // Whoever waits for it to answer sees that it is gone.
  child.on('error', () => undefined);
  endWithUs(child, plan.stopSignal);
  const deadline = Date.now() + START_WITHIN_MS;
  for (;;) {
    if (isGone(child)) throw new Error(`${plan.name} exited at its start: ${endOf(plan.logFile)}`);
    const isReady = await plan.answers().then(
      () => true,
      () => false,
    );
    if (isReady) break;
    if (Date.now() > deadline) {
      await end(child, 'SIGKILL');
      throw new Error(`${plan.name} did not answer within ${START_WITHIN_MS / 1_000} s: ${endOf(plan.logFile)}`);
    }
    await sleep(20);
  }
  child.once('exit', () => {
    if (!asked.has(child)) plan.onDeath?.();
  });
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals, withinMs = STOP_WITHIN_MS): Promise<void> {
  asked.add(child);
  if (isGone(child)) return;
  const gone = once(child, 'exit');
  const family = signalFamily(child, signal);
  const late = setTimeout(() => signalFamily(child, 'SIGKILL'), withinMs);
  await gone;
  clearTimeout(late);
  const deadline = Date.now() + STOP_WITHIN_MS;
  while (family.some(isAlive) && Date.now() < deadline) await sleep(5);
}

function isGone({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false; // no such process: that is the question
  }
}

function endOf(logFile: string): string {
  return readFileSync(logFile, 'utf8').slice(-2_000).trim() || 'it printed nothing';
}

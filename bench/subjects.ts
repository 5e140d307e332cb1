import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../tools/services/free-port.ts';
import { BARE_KINDS, type BareKind } from './bare-kinds.ts';
import { ROOT } from './host.ts';
import { CORE, kept, listeningPort, type Running, removeFolder, run } from './processes.ts';

/** A server under measurement: ours, or one of the bare ones. */
export interface Subject extends AsyncDisposable {
  readonly name: SubjectName;
  readonly port: number;
  /** Of ours, where its metrics are. */
  readonly adminPort?: number;
  readonly process: Running;
}

export type SubjectName = BareKind | 'ours';
export const SUBJECTS: readonly SubjectName[] = [...BARE_KINDS, 'ours'];

export interface HouseOptions {
  readonly modelUrl: string;
  readonly maxCalls?: number;
  /** Before the entry: `--expose-gc`, a preload, `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a server and settles once it takes calls. */
export function startSubject(name: SubjectName, options: HouseOptions): Promise<Subject> {
  return name === 'ours' ? startOurs(options) : startBare(name, options.modelUrl);
}

async function startBare(name: BareKind, modelUrl: string): Promise<Subject> {
  const args = [join(ROOT, 'bench', 'bare.ts'), name, modelUrl];
  await using started = new AsyncDisposableStack();
  const bare = started.use(run({ args, core: CORE.server, hasChannel: true }));
  const port = await listeningPort(bare);
  return { name, port, process: bare, ...kept(started) };
}

/** Ours, from the built files, in `single`, without the launcher. */
export async function startOurs(options: HouseOptions): Promise<Subject> {
  await using started = new AsyncDisposableStack();
  const dataDir = started.adopt(mkdtempSync(join(tmpdir(), 'offhook-bench-')), removeFolder);
  const [port, adminPort] = [await freePort(), await freePort()];
  const house = started.use(runHouse({ ...options, port, adminPort, dataDir }));
  await untilReady(port, house, 5);
  return { name: 'ours', port, adminPort, process: house, ...kept(started) };
}

export interface HouseProcess extends HouseOptions {
  readonly port: number;
  readonly adminPort: number;
  readonly dataDir: string;
  /** Whether it has its one core, or what the machine has. Default true. */
  readonly isPinned?: boolean;
}

/** The process alone, not yet ready. */
export function runHouse({
  modelUrl,
  maxCalls,
  nodeArgs = [],
  env = {},
  isPinned = true,
  ...where
}: HouseProcess): Running {
  return run({
    args: [...nodeArgs, join(ROOT, 'dist', 'src', 'cli', 'main.js'), 'start'],
    core: isPinned ? CORE.server : undefined,
    cwd: join(ROOT, 'bench', 'house'),
    env: {
      PORT: String(where.port),
      OFFHOOK_ADMIN_PORT: String(where.adminPort),
      OFFHOOK_DATA_DIR: where.dataDir,
      OFFHOOK_MAX_CALLS: String(maxCalls ?? 10_000),
      OPENAI_API_KEY: 'stub-key',
      OPENAI_BASE_URL: modelUrl,
      OPENAI_MODEL: 'bench',
      ...env,
    },
  });
}

/** Asks `/ready` until it says yes: the condition itself. */
export async function untilReady(port: number, house: Running, everyMs: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (performance.now() < deadline) {
    if (house.child.exitCode !== null) throw new Error(`the server exited: ${house.printed().slice(-2_000)}`);
    const response = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined); // not listening yet
    await response?.arrayBuffer();
    if (response?.ok) return;
    await sleep(everyMs);
  }
  throw new Error(`the server was not ready within 20 s: ${house.printed().slice(-2_000)}`);
}

const LOOK_EVERY_MS = 200;
const QUIET_RATIO = 0.1;
const MAX_LOOKS = 50;

/**
 * Settles once the process uses less than a tenth of a core, with the CPU time it has used by then: what a turn leaves
 * to be done later belongs to the turn.
 */
export async function untilQuiet(server: Running): Promise<number> {
  let before = server.cpuMs();
  for (let look = 0; look < MAX_LOOKS; look++) {
    await sleep(LOOK_EVERY_MS);
    const now = server.cpuMs();
    if (now - before < LOOK_EVERY_MS * QUIET_RATIO) return now;
    before = now;
  }
  return before;
}

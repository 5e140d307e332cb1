import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../tools/services/free-port.ts';
import { type Findings, type Mode, type ModeOptions, median, table } from '../mode.ts';
import { CORE, run } from '../processes.ts';
import { runHouse } from '../subjects.ts';

const STARTS = 20;
const FIRST_STARTS = 5;
const LIMIT_MS = 300;

/** Process start to `/ready`, from the built files, without npm or the launcher. */
export const startMode: Mode = { name: 'start', title: 'Process start to /ready', run: measureStarts };

interface Start {
  readonly afterMs: number;
  readonly cpuMs: number;
}

async function measureStarts({ note }: ModeOptions): Promise<Findings> {
  const folders: string[] = [];
  const folder = () => {
    folders.push(mkdtempSync(join(tmpdir(), 'offhook-bench-')));
    return folders.at(-1) ?? '';
  };
  try {
    const first: Start[] = [];
    for (let index = 0; index < FIRST_STARTS; index++) first.push(await start(folder(), true));
    note(`first, with an empty data folder: ${medianMs(first)} ms`);

    const dataDir = folder();
    // What was compiled is kept when it is told to stop: the first time without what stood before the configuration.
    await start(dataDir, true, 'SIGTERM');
    await start(dataDir, true, 'SIGTERM');
    const bare: number[] = [];
    const ours: Start[] = [];
    const onAllCores: Start[] = [];
    for (let index = 0; index < STARTS; index++) {
      bare.push(await startNothing());
      ours.push(await start(dataDir, true));
      onAllCores.push(await start(dataDir, false));
    }
    const figure = median(onAllCores.map(({ afterMs }) => afterMs));
    note(`then ${figure.toFixed(0)} ms, ${medianMs(onAllCores)} ms on all cores`);
    const cpu = (of: readonly Start[]) => median(of.map(({ cpuMs }) => cpuMs)).toFixed(0);
    return {
      lines: [
        `Median of ${STARTS} starts in \`single\`, one core, killed and started again; /ready asked every 2 ms. The first`,
        `start is that of an empty data folder (${FIRST_STARTS} of them): nothing of the code was compiled before.`,
        '',
        ...table(
          ['', 'ms to /ready', 'CPU ms'],
          [
            ['Node that does nothing, to its exit', median(bare).toFixed(0), ''],
            ['ours, first start', medianMs(first), cpu(first)],
            ['ours', figure.toFixed(0), cpu(ours)],
            ['ours, on all cores', medianMs(onAllCores), cpu(onAllCores)],
          ],
        ),
      ],
      goals: [
        {
          claim: `Goal 4: process start to \`/ready\` within ${LIMIT_MS} ms, on all cores`,
          figure: `${figure.toFixed(0)} ms`,
          isHeld: figure <= LIMIT_MS,
        },
      ],
    };
  } finally {
    for (const path of folders) rmSync(path, { recursive: true, force: true });
  }
}

function medianMs(starts: readonly Start[]): string {
  return median(starts.map(({ afterMs }) => afterMs)).toFixed(0);
}

/** Starts it until it is ready, then ends it: killed, or asked to stop. */
async function start(dataDir: string, isPinned: boolean, end: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<Start> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const startedAt = performance.now();
  await using house = runHouse({ modelUrl: 'http://127.0.0.1:9/v1', port, adminPort, dataDir, isPinned });
  await untilReady(port, () => house.child.exitCode !== null);
  const measured = { afterMs: performance.now() - startedAt, cpuMs: house.cpuMs() };
  if (end === 'SIGTERM') {
    const gone = once(house.child, 'exit');
    house.child.kill(end);
    await gone;
  }
  return measured;
}

async function startNothing(): Promise<number> {
  const startedAt = performance.now();
  await using nothing = run({ args: ['-e', '0'], core: CORE.server });
  await new Promise((resolve) => nothing.child.once('exit', resolve));
  return performance.now() - startedAt;
}

const ASK_EVERY_MS = 2;

/** A bare request over a bare socket: `fetch` would add its own warm-up to the figure. */
async function untilReady(port: number, isGone: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 20_000; performance.now() < deadline; ) {
    if (await isReady(port)) return;
    if (isGone()) throw new Error('the server exited before it was ready');
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
  throw new Error('the server was not ready within 20 s');
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.on('connect', () => socket.write('GET /ready HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n'));
    socket.on('error', () => resolve(false)); // not listening yet
    socket.on('data', (bytes) => {
      resolve(bytes.toString('latin1').startsWith('HTTP/1.1 200'));
      socket.destroy();
    });
    socket.on('close', () => resolve(false));
  });
}

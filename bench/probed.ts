import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { ROOT } from './host.ts';
import type { Probe } from './probe.ts';
import { kept, removeFolder } from './processes.ts';
import { type HouseOptions, type Subject, startOurs } from './subjects.ts';

/** Our server, and what can be asked of the process itself. */
export interface Probed extends Subject {
  /** Collects, then measures. */
  probe(): Promise<Probe>;
}

/** Starts ours with the probe loaded before it. */
export async function startProbed(options: HouseOptions): Promise<Probed> {
  await using started = new AsyncDisposableStack();
  const folder = started.adopt(mkdtempSync(join(tmpdir(), 'offhook-bench-')), removeFolder);
  const file = join(folder, 'probes');
  const preload = pathToFileURL(join(ROOT, 'bench', 'probe.ts')).href;
  const subject = started.use(
    await startOurs({
      ...options,
      nodeArgs: ['--expose-gc', '--import', preload],
      env: { ...options.env, BENCH_PROBE_FILE: file },
    }),
  );
  let asked = 0;
  return {
    ...subject,
    ...kept(started),
    async probe() {
      subject.process.child.kill('SIGUSR2');
      asked++;
      // What stands behind the last line's end is still being written.
      const read = () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []);
      for (const deadline = performance.now() + 20_000; performance.now() < deadline; await sleep(20)) {
        const probe: Probe | undefined = read().map((line) => JSON.parse(line))[asked - 1];
        if (probe) return probe;
      }
      throw new Error(`no probe came within 20 s: ${subject.process.printed().slice(-2_000)}`);
    },
  };
}

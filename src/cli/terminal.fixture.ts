import { PassThrough } from 'node:stream';
import type { Terminal } from './terminal.ts';

/** A terminal for tests: keeps what was said, and is typed into by the test. */
export interface RecordedTerminal extends Terminal {
  readonly input: PassThrough;
  readonly output: PassThrough;
  /** Everything said so far, one entry per call. */
  readonly said: { readonly out: string[]; readonly err: string[] };
  /** Presses Ctrl-C. */
  interrupt(): void;
  /** Resolves once something said matches; rejects when the signal aborts first. */
  heard(pattern: RegExp, signal: AbortSignal): Promise<string>;
}

export function recordTerminal(): RecordedTerminal {
  const said: RecordedTerminal['said'] = { out: [], err: [] };
  const interrupts = new Set<() => void>();
  const waiting = new Set<() => void>();
  const output = new PassThrough();
  output.setEncoding('utf8');
  const record = (list: string[], text: string) => {
    list.push(text);
    for (const look of waiting) look();
  };
  output.on('data', (text: string) => record(said.out, text));
  return {
    said,
    input: new PassThrough(),
    output,
    isLive: false,
    redraw: (text) => record(said.err, text),
    isInteractive: false,
    out: (text) => record(said.out, text),
    err: (text) => record(said.err, text),
    paint: (_style, text) => text,
    onInterrupt(run) {
      interrupts.add(run);
      return () => interrupts.delete(run);
    },
    interrupt() {
      for (const run of interrupts) run();
    },
    heard: (pattern, signal) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = [...said.out, ...said.err].find((text) => pattern.test(text));
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        look();
      }),
  };
}

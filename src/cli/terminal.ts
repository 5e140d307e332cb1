import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'cyan';

/** Where a command speaks: data to `out`, talk about it to `err`. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Colours and weight on a terminal that shows them; the text alone in a pipe, with NO_COLOR or --no-color. */
  paint(style: Style, text: string): string;
  /** Somebody watches `err`: a line may be redrawn. */
  readonly isLive: boolean;
  /** Puts `text` in place of the line last redrawn; an empty one takes it away. */
  redraw(text: string): void;
  /** Somebody can be asked. */
  readonly isInteractive: boolean;
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** Calls `run` when somebody wants this to end (Ctrl-C, SIGTERM), each time; the returned function stops listening. */
  onInterrupt(run: () => void): () => void;
}

/** The terminal of this process. */
export function processTerminal(hasColours: boolean): Terminal {
  const { stdin, stdout, stderr } = process;
  return {
    out: (text) => void stdout.write(`${text}\n`),
    err: (text) => void stderr.write(`${text}\n`),
    // styleText itself looks at the stream, NO_COLOR and TERM.
    paint: (style, text) => (hasColours ? styleText(style, text, { stream: stdout }) : text),
    isLive: stderr.isTTY === true,
    redraw: (text) => void stderr.write(`\r\u001b[K${text}`),
    isInteractive: stdin.isTTY === true && stdout.isTTY === true,
    input: stdin,
    output: stdout,
    onInterrupt(run) {
      process.on('SIGINT', run);
      process.on('SIGTERM', run);
      return () => {
        process.off('SIGINT', run);
        process.off('SIGTERM', run);
      };
    },
  };
}

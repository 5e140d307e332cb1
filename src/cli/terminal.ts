import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Where a command speaks: data to `out`, talk about it to `err`. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Colours and weight on a terminal that shows them; the text alone in a pipe, with NO_COLOR or --no-color. */
  paint(style: Style, text: string): string;
  /** Somebody watches `out`: lines may be redrawn. */
  readonly isLive: boolean;
  /** Somebody can be asked. */
  readonly isInteractive: boolean;
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** The terminal of this process. */
export function processTerminal(hasColours: boolean): Terminal {
  const { stdin, stdout, stderr } = process;
  return {
    out: (text) => void stdout.write(`${text}\n`),
    err: (text) => void stderr.write(`${text}\n`),
    // styleText itself looks at the stream, NO_COLOR and TERM.
    paint: (style, text) => (hasColours ? styleText(style, text, { stream: stdout }) : text),
    isLive: stdout.isTTY === true,
    isInteractive: stdin.isTTY === true && stdout.isTTY === true,
    input: stdin,
    output: stdout,
  };
}

import type { Clock } from '../std/clock.ts';
import type { Terminal } from './terminal.ts';

/** One line about how far a long command has come. */
export interface Progress {
  show(text: string): void;
  /** Takes the line away, for what is to stay. */
  clear(): void;
}

const REDRAW_MS = 250;
const SAY_MS = 10_000;

/** Redrawn at most four times a second where somebody watches; elsewhere a line every ten seconds. */
export function showProgress(terminal: Terminal, clock: Clock): Progress {
  const everyMs = terminal.isLive ? REDRAW_MS : SAY_MS;
  let shownAt = terminal.isLive ? Number.NEGATIVE_INFINITY : clock.now();
  let isDrawn = false;
  return {
    show(text) {
      if (clock.now() - shownAt < everyMs) return;
      shownAt = clock.now();
      isDrawn = terminal.isLive;
      if (terminal.isLive) terminal.redraw(text);
      else terminal.err(text);
    },
    clear() {
      if (isDrawn) terminal.redraw('');
      isDrawn = false;
    },
  };
}

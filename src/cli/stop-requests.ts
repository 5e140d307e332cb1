import type { Clock } from '../std/clock.ts';
import type { Terminal } from './terminal.ts';

/**
 * One Ctrl-C may arrive twice: from the terminal, which tells everyone in the foreground, and from npm, which passes
 * it on. Only what comes later than this is a second wish.
 */
const SAME_WISH_MS = 500;

/** Calls `first` on the first wish to stop, `again` on every later one; the returned function stops listening. */
export function onStopRequests(
  terminal: Pick<Terminal, 'onInterrupt'>,
  clock: Clock,
  { first, again }: { readonly first: () => void; readonly again: () => void },
): () => void {
  let firstAt: number | undefined;
  return terminal.onInterrupt(() => {
    if (firstAt === undefined) {
      firstAt = clock.now();
      first();
    } else if (clock.now() - firstAt > SAME_WISH_MS) {
      again();
    }
  });
}

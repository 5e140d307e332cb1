import type { Clock } from '../std/clock.ts';

/** A peer that does not read: this much waiting for it, for this long. */
const SLOW_BYTES = 1024 * 1024;
const SLOW_MS = 5_000;
const LOOK_EVERY_MS = 1_000;

/**
 * Calls `onSlow` once when more than 1 MB has waited for the peer at every look of 5 s.
 *
 * @returns stops watching
 */
export function watchSlowReader(
  clock: Clock,
  socket: { readonly bufferedAmount: number },
  onSlow: () => void,
): () => void {
  let slowSince: number | undefined;
  let cancel = clock.after(LOOK_EVERY_MS, look);
  return () => cancel();

  function look(): void {
    const now = clock.now();
    slowSince = socket.bufferedAmount > SLOW_BYTES ? (slowSince ?? now) : undefined;
    if (slowSince !== undefined && now - slowSince >= SLOW_MS) onSlow();
    else cancel = clock.after(LOOK_EVERY_MS, look);
  }
}

const FRAMES_PER_SECOND = 100;
const FRAMES_AT_ONCE = 400;

/** Says of each frame whether it still fits: 100 a second, 400 at once. */
export function frameBudget(clock: Clock): () => boolean {
  let left = FRAMES_AT_ONCE;
  let at = clock.now();
  return () => {
    const now = clock.now();
    left = Math.min(FRAMES_AT_ONCE, left + ((now - at) / 1_000) * FRAMES_PER_SECOND);
    at = now;
    left -= 1;
    return left >= 0;
  };
}

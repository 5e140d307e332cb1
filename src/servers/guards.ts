import type { Proof } from '../operations/prove-call.ts';
import type { Clock } from '../std/clock.ts';

/** A peer that does not read: this much waiting for it at so many looks in a row. By time, our own pause would count. */
const SLOW_BYTES = 1024 * 1024;
const SLOW_LOOKS = 6;
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
  let slowLooks = 0;
  const cancel = clock.every(LOOK_EVERY_MS, () => {
    const isSlow = socket.bufferedAmount > SLOW_BYTES;
    slowLooks = isSlow ? slowLooks + 1 : 0;
    if (slowLooks < SLOW_LOOKS) return;
    cancel();
    onSlow();
  });
  return cancel;
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

/** One bad moment of Retell's API must not cost a call its tools for as long as it lasts. */
const ASK_AGAIN_MS = 5_000;
/** A call that Retell denies may still be named by a webhook; this long it keeps its place. */
const DENIED_STAYS_MS = 60_000;

/**
 * Asks whether a call is proven, every 5 s for as long as nobody knows. `onProven` is called once; `onDenied` when
 * the call is denied and 60 s have passed since the first question. `ask` must not reject.
 *
 * @returns stops asking
 */
export function seekProof(
  clock: Clock,
  ask: () => Promise<Proof>,
  { onProven, onDenied }: { readonly onProven: () => void; readonly onDenied: () => void },
): () => void {
  const deniedAt = clock.now() + DENIED_STAYS_MS;
  let isStopped = false;
  let cancel = () => {};
  void look();
  return () => {
    isStopped = true;
    cancel();
  };

  async function look(): Promise<void> {
    const proof = await ask();
    if (isStopped) return;
    if (proof === 'proven') onProven();
    else if (proof === 'denied') cancel = clock.after(deniedAt - clock.now(), onDenied);
    else cancel = clock.after(ASK_AGAIN_MS, () => void look());
  }
}

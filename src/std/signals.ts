import type { Clock } from './clock.ts';
import { Fault } from './fault.ts';

/** A controller that follows `parents`; call `dispose` when the work ends, so that nothing stays attached to them. */
export function linkedController(...parents: readonly AbortSignal[]): {
  readonly controller: AbortController;
  readonly dispose: () => void;
} {
  const controller = new AbortController();
  const detach = parents.map((parent) => {
    const onAbort = () => controller.abort(parent.reason);
    if (parent.aborted) onAbort();
    parent.addEventListener('abort', onAbort, { once: true });
    return () => parent.removeEventListener('abort', onAbort);
  });
  return {
    controller,
    dispose: () => {
      for (const remove of detach) remove();
    },
  };
}

/** Runs `work` under a signal that also aborts after `timeoutMs`, with a `timeout` Fault of the given reason. */
export async function withDeadline<T>(
  clock: Clock,
  timeoutMs: number,
  reason: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { controller, dispose } = linkedController(signal);
  const cancel = clock.after(timeoutMs, () => controller.abort(tooLate(timeoutMs, reason)));
  try {
    return await untilAborted(work(controller.signal), controller.signal);
  } finally {
    cancel();
    dispose();
  }
}

/** Waits for `work`; rejects with the signal's reason, or after `timeoutMs` with a `timeout` Fault of that reason. */
export type Wait = <T>(work: Promise<T>, timeoutMs: number, reason: string) => Promise<T>;

/**
 * Waits for pieces of work, one at a time, with one listener for all of them: for streams, whose every chunk is waited
 * for. `withDeadline` would make signals and listeners for each.
 */
export function createWait(clock: Clock, signal: AbortSignal): Wait {
  let give = (_reason: unknown) => {};
  signal.addEventListener('abort', () => give(signal.reason), { once: true });
  return (work, timeoutMs, reason) =>
    new Promise((resolve, reject) => {
      give = reject;
      if (signal.aborted) reject(signal.reason);
      const cancel = clock.after(timeoutMs, () => reject(tooLate(timeoutMs, reason)));
      work.then(resolve, reject).finally(cancel);
    });
}

function tooLate(timeoutMs: number, reason: string): Fault {
  return new Fault('timeout', reason, `expected an outcome within ${timeoutMs} ms, none came`);
}

/** Settles with `work`, or rejects with the signal's reason when it aborts first, even if `work` ignores its signal. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

import type { Clock } from './clock.ts';
import { FAULT_POLICY, type Fault, toFault } from './fault.ts';
import type { Log } from './log.ts';
import { linkedController, withDeadline } from './signals.ts';

/** What came of one try at a piece of work. */
export type TryOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly delayMs: number; readonly fault: Fault }
  | { readonly kind: 'dead'; readonly fault: Fault }
  /** It was told to stop: this try does not count. */
  | { readonly kind: 'handed_back' };

/** Tries of a piece of work that says nothing about them. */
export const DEFAULT_MAX_ATTEMPTS = 10;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 3_600_000;
/** Work that takes longer has failed: what hangs must not keep its place from others for ever. */
const TIMEOUT_MS = 30_000;
/** How long work may go on that was told to stop: no process waits longer for it. */
const FINISH_MS = 5_000;

/**
 * Tries a piece of work and judges how it ended: its Fault's kind and the tries that are left decide whether there is
 * another one. A `cancelled` Fault costs nothing when the signal aborted, else it is a failure like others. Settles
 * within 30 s, and within 5 s of the abort, whatever the work does about its signal.
 *
 * @param attempt 1 at the first try
 */
export async function tryOnce(
  work: (signal: AbortSignal) => Promise<void>,
  attempt: number,
  maxAttempts: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<TryOutcome> {
  try {
    if (signal.aborted) return { kind: 'handed_back' };
    await inTime(work, clock, signal);
    return { kind: 'done' };
  } catch (thrown) {
    if (signal.aborted && thrown === signal.reason) return { kind: 'handed_back' };
    const fault = toFault(thrown, 'jobs.handler_threw');
    if (signal.aborted && fault.kind === 'cancelled') return { kind: 'handed_back' };
    const isHopeless = FAULT_POLICY[fault.kind].worker === 'bury';
    if (isHopeless || attempt >= maxAttempts) return { kind: 'dead', fault };
    return { kind: 'again', delayMs: delayAfter(attempt), fault };
  }
}

/** Rejects with `jobs.handler_timeout`, or with the signal's reason a while after it aborted; the work hears of it at once. */
async function inTime(work: (signal: AbortSignal) => Promise<void>, clock: Clock, signal: AbortSignal): Promise<void> {
  const { controller, dispose } = linkedController(signal);
  const givenUp = new AbortController();
  let cancel = () => {};
  const onStop = () => {
    cancel = clock.after(FINISH_MS, () => givenUp.abort(signal.reason));
  };
  signal.addEventListener('abort', onStop, { once: true });
  try {
    await withDeadline(clock, TIMEOUT_MS, 'jobs.handler_timeout', givenUp.signal, (within) => {
      within.addEventListener('abort', () => controller.abort(within.reason), { once: true });
      return work(controller.signal);
    });
  } finally {
    signal.removeEventListener('abort', onStop);
    cancel();
    dispose();
  }
}

/** Says when a try at a job failed, and whether there is another one. */
export function noteOutcome(
  log: Log,
  { id, kind, attempt }: { readonly id: string; readonly kind: string; readonly attempt: number },
  outcome: TryOutcome,
): void {
  if (outcome.kind !== 'again' && outcome.kind !== 'dead') return;
  const fields = { job: id, jobKind: kind, attempt, reason: outcome.fault.reason };
  if (outcome.kind === 'again') log.warn(fields, 'a job failed and is tried again');
  else log.error(fields, 'a job was set aside; it can be requeued');
}

/** 1, 5, 25 s ... to an hour. */
function delayAfter(attempt: number): number {
  return Math.min(FIRST_DELAY_MS * 5 ** (attempt - 1), LONGEST_DELAY_MS);
}

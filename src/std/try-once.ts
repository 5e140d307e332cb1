import { FAULT_POLICY, type Fault, toFault } from './fault.ts';
import type { Log } from './log.ts';

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

/**
 * Tries a piece of work and judges how it ended: its Fault's kind and the tries that are left decide whether there is
 * another one. A `cancelled` Fault costs nothing when the signal aborted, else it is a failure like others.
 *
 * @param attempt 1 at the first try
 */
export async function tryOnce(
  work: (signal: AbortSignal) => Promise<void>,
  attempt: number,
  maxAttempts: number,
  signal: AbortSignal,
): Promise<TryOutcome> {
  try {
    if (signal.aborted) return { kind: 'handed_back' };
    await work(signal);
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

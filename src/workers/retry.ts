import { FAULT_POLICY, type FaultKind } from '../std/fault.ts';

/**
 * Waits before the second delivery and each one after it. When the last of them is spent the event is poison, unless
 * something was away: that is nothing about the event, which goes on waiting the longest of them.
 */
export const RETRY_DELAYS_MS: readonly number[] = [200, 1_000, 5_000, 25_000, 60_000];

export type NextStep =
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'bury' }
  /** Nobody's fault: it is delivered again when its lease runs out. */
  | { readonly kind: 'letGo' };

const LONGEST_DELAY_MS = RETRY_DELAYS_MS.at(-1) ?? 0;

/** What becomes of a delivery that failed. `attempt` is 1 for the first; delays are without jitter. */
export function nextStep(kind: FaultKind, attempt: number): NextStep {
  const delayMs = RETRY_DELAYS_MS[attempt - 1];
  const policy = FAULT_POLICY[kind].worker;
  switch (policy) {
    case 'let_go':
      return { kind: 'letGo' };
    case 'bury':
      return { kind: 'bury' };
    case 'retry_now':
      return delayMs === undefined ? { kind: 'bury' } : { kind: 'retry', delayMs: 0 };
    case 'retry_later':
      if (kind === 'unavailable') return { kind: 'retry', delayMs: delayMs ?? LONGEST_DELAY_MS };
      return delayMs === undefined ? { kind: 'bury' } : { kind: 'retry', delayMs };
    default:
      return policy satisfies never;
  }
}

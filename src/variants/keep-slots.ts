import { CALL_TTL_MS } from '../call/live-call.ts';
import type { CallStore } from '../ports/call-store.ts';
import type { Leases } from '../ports/leases.ts';
import type { Clock } from '../std/clock.ts';

/** An adrift call keeps its slot for so long, from the loss of its socket or from a restart; Retell's redials come well within it. */
export const ADRIFT_MS = 30_000;

/**
 * Gives every call that the last process left behind its slot back, for `adriftMs` from now: Retell dials back within
 * seconds of the restart, and a caller who has only listened may not have been committed for minutes. What has not
 * been committed for longer than any call lasts does not come back: it is the sweeper's.
 */
export async function keepSlots(
  callStore: Pick<CallStore, 'list'>,
  leases: Pick<Leases, 'adopt'>,
  adriftMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  for (const { callId, committedAt } of await callStore.list(signal)) {
    if (committedAt > clock.now() - CALL_TTL_MS) await leases.adopt(callId, adriftMs, signal);
  }
}

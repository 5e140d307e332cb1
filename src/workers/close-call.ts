import type { CallId } from '../call/call.ts';
import { stamp } from '../call/events.ts';
import type { CallStore } from '../ports/call-store.ts';
import type { Clock } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';

/** Ends a call in the process that serves it. */
export interface CallEnder {
  /** Settles when the end is stored; at once when the call is not served here. */
  end(callId: CallId, reason: string): Promise<unknown>;
}

export interface CloseOptions {
  readonly ender: CallEnder;
  readonly callStore: CallStore;
  readonly clock: Clock;
}

/**
 * Ends a call wherever it is: where it is served, or, when only its state is left, in the store. There it is taken
 * first: a session that still holds it is fenced, and `call.ended` is recorded once, in one act with the state that
 * says so. An ended or unknown call is left alone.
 *
 * @throws Fault `worker.call_retaken` when a session took the call meanwhile: to be tried again, it can now be told
 */
export async function closeCall(
  { ender, callStore, clock }: CloseOptions,
  callId: CallId,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  await ender.end(callId, reason);
  const found = await callStore.load(callId, signal);
  if (!found || found.head.phase.kind === 'over') return;

  const { epoch, stored } = await callStore.take(callId, signal);
  if (!stored) {
    // Archived between the two reads. Taking it left an empty call behind, which is removed again.
    await callStore.remove(callId, signal);
    return;
  }
  const ended = stamp({ type: 'call.ended', reason }, { callId, epoch, seq: 0, at: clock.now() });
  const head = { ...stored.head, phase: { kind: 'over', reason } } as const;
  const outcome = await callStore.commit(callId, epoch, { head, appended: [], facts: [ended] }, signal);
  if (outcome !== 'committed') {
    throw new Fault('conflict', 'worker.call_retaken', 'expected to hold the call to be ended, another took it', {
      detail: { callId, epoch },
      effect: 'notice nothing: their call is ended at the next try',
    });
  }
  // A session that lost its socket in between has kept the slot for the next one.
  await ender.end(callId, reason);
}

import type { CallId } from '../call/call.ts';
import { type CallEvent, stamp } from '../call/events.ts';
import { toFault } from '../std/fault.ts';
import type { OperationContext } from './context.ts';
import { callAnalyzed } from './job-kinds.ts';

/** A lifecycle webhook whose signature is valid. */
export interface SignedWebhook {
  readonly event: string;
  /** What makes a second delivery a duplicate. */
  readonly key: string;
  readonly callId: CallId | undefined;
  /** The signature's timestamp, epoch milliseconds. */
  readonly signedAtMs: number;
  readonly body: string;
  /** Retell's account of a call that ended, when the event brings one. */
  readonly ended?: {
    readonly disconnectionReason: string;
    readonly durationMs?: number;
    /** Epoch milliseconds; now, unless it is known better. */
    readonly endedAtMs?: number;
  };
}

/**
 * The place of `call.reported` among the facts of its call: it is born outside of any session, so under epoch 0, and
 * there is one per call, so a webhook delivered twice makes the same fact.
 */
const REPORTED = { epoch: 0, seq: 0 } as const;

/**
 * Takes a lifecycle webhook in: stored once, its fact on the way, its call proven. Whatever order the webhooks of a
 * call arrive in, and however often, what is stored is the same.
 *
 * @throws Fault what `records.acceptWebhook` throws: it was not stored, and Retell should send it again
 */
export async function acceptWebhook(
  context: OperationContext,
  webhook: SignedWebhook,
  signal: AbortSignal,
): Promise<'stored' | 'duplicate'> {
  const { records, liveCalls, hooks, clock } = context;
  const { event, key, callId, body, signedAtMs: signedAt, ended } = webhook;
  const facts = callId && ended ? [reported(callId, ended, clock.now())] : [];
  const jobs = callId && event === 'call_analyzed' && hooks.onCallAnalyzed ? [callAnalyzed(callId)] : [];
  const record = { key, event, callId, signedAt, receivedAt: clock.wall(), body };
  const verdict = await records.acceptWebhook(record, { facts, jobs }, signal);
  if (callId) {
    liveCalls.prove(callId);
    if (ended) await endNow(context, callId, ended.disconnectionReason);
  }
  return verdict;
}

function reported(
  callId: CallId,
  { endedAtMs, ...account }: NonNullable<SignedWebhook['ended']>,
  now: number,
): CallEvent {
  return stamp({ type: 'call.reported', ...account }, { callId, ...REPORTED, at: endedAtMs ?? now });
}

/**
 * Frees the call's slot for the next caller at once. The closer does the same when the fact reaches it: it is the one
 * that cannot be missed.
 */
async function endNow({ liveCalls, log }: OperationContext, callId: CallId, reason: string): Promise<void> {
  try {
    await liveCalls.end(callId, reason);
  } catch (thrown) {
    // The webhook is stored, so it is accepted all the same.
    log.warn({ callId, reason: toFault(thrown).reason }, 'an ended call could not be ended at once');
  }
}

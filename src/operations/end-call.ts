import { parseCallId } from '../call/call.ts';
import { withDeadline } from '../std/signals.ts';
import type { OperationContext } from './context.ts';
import type { DialQueue } from './dial-queue.ts';
import { unknownCall } from './get-call.ts';

/** How the archive names a call that was ended from outside. */
const REASON = 'ended_by_operator';
const RETELL_TIMEOUT_MS = 10_000;

/**
 * Ends a call, or takes an order out of the queue. With Retell's API Retell hangs up; without, the call is told to,
 * which Retell does as soon as it has heard it.
 *
 * @returns `ended`; `cancelled` for one that was waiting to be dialled
 * @throws Fault `calls.unknown`, or what Retell's REST threw
 */
export async function endCall(
  context: Pick<OperationContext, 'liveCalls' | 'callControl' | 'clock'>,
  queue: Pick<DialQueue, 'cancel' | 'find'>,
  id: string,
  signal: AbortSignal,
): Promise<'ended' | 'cancelled'> {
  const { liveCalls, callControl, clock } = context;
  if (await queue.cancel(id, signal)) return 'cancelled';
  const dial = await queue.find(id, signal);
  const callId = parseCallId(dial?.state === 'placed' ? dial.callId : id);
  if (!callId) throw unknownCall();
  if (!callControl) {
    if (await liveCalls.interject(callId, '', { kind: 'end' }, signal)) return 'ended';
    throw unknownCall();
  }
  await withDeadline(clock, RETELL_TIMEOUT_MS, 'retell.end_timeout', signal, (within) =>
    callControl.end(callId, within),
  );
  await liveCalls.end(callId, REASON);
  return 'ended';
}

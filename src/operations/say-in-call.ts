import { type Action, parseCallId } from '../call/call.ts';
import { Fault } from '../std/fault.ts';
import type { OperationContext } from './context.ts';

/**
 * Speaks up in a live call, over the caller if need be: what was being answered is cut off.
 *
 * @param text what to say; may be empty when there is an action
 * @throws Fault `calls.not_live`
 */
export async function sayInCall(
  context: Pick<OperationContext, 'liveCalls'>,
  id: string,
  text: string,
  action: Action | undefined,
  signal: AbortSignal,
): Promise<void> {
  const callId = parseCallId(id);
  if (callId && (await context.liveCalls.interject(callId, text, action, signal))) return;
  throw new Fault('not_found', 'calls.not_live', 'expected the id of a call that is live');
}

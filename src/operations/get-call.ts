import { type CallId, parseCallId } from '../call/call.ts';
import { type LiveCall, liveCallOf } from '../call/live-call.ts';
import type { CallReport } from '../call/report.ts';
import type { CallStore } from '../ports/call-store.ts';
import { Fault } from '../std/fault.ts';
import type { OperationContext } from './context.ts';
import type { Dial, DialQueue } from './dial-queue.ts';

export type FoundCall =
  | (LiveCall & { readonly state: 'live' })
  | (Omit<CallReport, 'transcript'> & {
      readonly state: 'ended';
      /** What was said; only when asked for by name. */
      readonly transcript?: CallReport['transcript'];
    })
  | Dial;

/**
 * A call by its id, or an outbound one by the id its order got. A live call is shown as it is now, even when an older
 * report of it exists. Words are personal: they are there only `withTranscript`, and only of a call that ended.
 *
 * @throws Fault `calls.unknown`
 */
export async function getCall(
  context: Pick<OperationContext, 'liveCalls' | 'records' | 'callStore'>,
  queue: Pick<DialQueue, 'find'>,
  id: string,
  options: { readonly withTranscript: boolean },
  signal: AbortSignal,
): Promise<FoundCall> {
  const live = context.liveCalls.list().find(({ callId }) => callId === id);
  if (live) return { ...live, state: 'live' };
  const callId = parseCallId(id);
  const stored = callId && (await storedCall(context.callStore, callId, signal));
  if (stored && stored.phase !== 'over') return { ...stored, state: 'live' };
  const report = callId && (await context.records.report(callId, signal));
  if (report) {
    const { transcript, ...rest } = report;
    return { state: 'ended', ...rest, ...(options.withTranscript && { transcript }) };
  }
  if (stored) return { ...stored, state: 'live' };
  const dial = await queue.find(id, signal);
  if (dial) return dial;
  throw unknownCall();
}

/** A call without a socket: adrift, or over and about to be archived. */
async function storedCall(callStore: CallStore, callId: CallId, signal: AbortSignal): Promise<LiveCall | undefined> {
  const stored = await callStore.load(callId, signal);
  return stored && liveCallOf(callId, stored.head);
}

/** Neither live here, nor archived, nor waiting. */
export function unknownCall(): Fault {
  return new Fault('not_found', 'calls.unknown', 'expected the id of a call that is live, ended or queued');
}

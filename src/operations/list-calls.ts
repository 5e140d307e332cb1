import type { CallId } from '../call/call.ts';
import { type LiveCall, liveCallOf } from '../call/live-call.ts';
import type { OperationContext } from './context.ts';
import type { Dial, DialQueue } from './dial-queue.ts';

/** A call in the list; ids, times and outcome, no words. */
type ListedCall =
  | (LiveCall & { readonly state: 'live' })
  | {
      readonly state: 'ended';
      readonly callId: CallId;
      readonly agent: string;
      readonly startedAt: number;
      readonly endedAt: number | undefined;
      readonly reason: string | undefined;
      readonly turns: number;
    };

export interface CallList {
  /** Waiting to be dialled, in their order; on the first page only. */
  readonly queued: readonly Dial[];
  /** Newest first: those live, then those that ended. */
  readonly calls: readonly ListedCall[];
  /** Ask for the next page with it; absent on the last. */
  readonly nextBefore: number | undefined;
}

/**
 * Lists calls, page by page.
 *
 * @param page `limit` 1 to 1,000 calls that ended; `before` a `nextBefore` to go on from
 */
export async function listCalls(
  context: Pick<OperationContext, 'liveCalls' | 'callStore' | 'records'>,
  queue: Pick<DialQueue, 'list'>,
  page: { readonly limit: number; readonly before: number | undefined },
  signal: AbortSignal,
): Promise<CallList> {
  const { limit, before } = page;
  const isFirstPage = before === undefined;
  const live = [...(await allLive(context, signal))].sort((a, b) => b.startedAt - a.startedAt);
  const liveIds = new Set(live.map(({ callId }) => callId));
  const archived = await context.records.listCalls(limit, before, signal);
  return {
    queued: isFirstPage ? await queue.list(signal) : [],
    calls: [
      ...(isFirstPage ? live.map((call) => ({ ...call, state: 'live' as const })) : []),
      ...archived
        .filter(({ callId }) => !liveIds.has(callId))
        .map(({ callId, agent, startedAt, endedAt, reason, turns }) => {
          return { state: 'ended' as const, callId, agent, startedAt, endedAt, reason, turns };
        }),
    ],
    nextBefore: archived.length < limit ? undefined : archived.at(-1)?.startedAt,
  };
}

/** Those served here as they are now; those adrift, or served by another process, as they were last stored. */
async function allLive(
  { liveCalls, callStore }: Pick<OperationContext, 'liveCalls' | 'callStore'>,
  signal: AbortSignal,
): Promise<readonly LiveCall[]> {
  const here = liveCalls.list();
  const known = new Set(here.map(({ callId }) => callId));
  const stored = await callStore.list(signal);
  const others = stored.filter(({ callId, head }) => !known.has(callId) && head.phase.kind !== 'over');
  return [...here, ...others.map(({ callId, head }) => liveCallOf(callId, head))];
}

import type { CallHead, CallId, Phase } from './call.ts';
import { openTurn } from './phases.ts';

/**
 * The longest call Retell allows (2 h) and 30 minutes: a call not stored for so long does not come back, and what was
 * said of one holds for so long.
 */
export const CALL_TTL_MS = 2.5 * 3_600_000;

/** A live call as others may see it: ids, times and where it is, no words. */
export interface LiveCall {
  readonly callId: CallId;
  readonly agent: string;
  readonly startedAt: number;
  readonly phase: Phase['kind'];
  readonly isProven: boolean;
  /** Of the open turn, else of the last ask; -1 before the first. */
  readonly responseId: number;
}

/** A call as others may see it, from its head: the stored one, or that of a call in progress. */
export function liveCallOf(callId: CallId, head: CallHead): LiveCall {
  const { agent, startedAt, phase, isProven, lastAsk } = head;
  const responseId = openTurn(head)?.responseId ?? lastAsk;
  return { callId, agent: agent.name, startedAt, phase: phase.kind, isProven, responseId };
}

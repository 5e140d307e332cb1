import type { CallEvent } from '../../src/call/events.ts';
import type { CallResult } from '../../src/simulator/run/call-result.ts';

/**
 * Asks that were lost with their socket: on the way, or in a process that died before it had written them down. Where
 * Retell does not ask again nobody can answer such a one, and what was open before it is still answered. An ask that
 * somebody knew of has an end among the facts, or was open when the call was taken again.
 *
 * @param archived the facts of the call, in order
 */
export function lostAsksOf({ kind, turns }: CallResult, archived: readonly CallEvent[]): ReadonlySet<number> {
  if (kind !== 'admitted') return new Set();
  const unanswered = turns.filter(({ isResumed, outcome }) => isResumed && outcome !== 'answered');
  return new Set(unanswered.map(({ responseId }) => responseId).filter((id) => !isKnown(id, archived)));
}

function isKnown(responseId: number, facts: readonly CallEvent[]): boolean {
  let wasOpen = false;
  for (const fact of facts) {
    if (fact.type === 'call.resumed') wasOpen ||= fact.openTurn;
    if (fact.type !== 'call.turn') continue;
    if (fact.responseId === responseId) return true;
    // What was open before this one ended is this one, unless it is newer: then it may have been the one in question.
    if (fact.responseId > responseId) return wasOpen;
    wasOpen = false;
  }
  return wasOpen;
}

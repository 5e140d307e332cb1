import type { CallEvent } from '../../src/call/events.ts';
import type { Breach } from '../../src/simulator/monitor/rules.ts';
import type { CallResult } from '../../src/simulator/run/call-result.ts';
import { lostAsksOf } from './lost-asks.ts';

/**
 * Turns lost, silences of more than a second and breaches of the protocol, each as a sentence; and how many asks were
 * lost with their socket, which nobody could answer.
 *
 * @param isAskedAgain Retell repeats what was open: then no ask is lost
 */
export function judgeCalls(
  results: readonly CallResult[],
  archived: readonly CallEvent[],
  isAskedAgain: boolean,
): { readonly lostAsks: number; readonly failures: readonly string[] } {
  const factsOf = Map.groupBy(archived, ({ callId }): string => callId);
  let lostAsks = 0;
  const failures: string[] = [];
  for (const result of results) {
    const { callId, kind, turns, breaches } = result;
    const lost = isAskedAgain ? new Set<number>() : lostAsksOf(result, factsOf.get(callId) ?? []);
    lostAsks += lost.size;
    const isOurs = (breach: Breach) => !askOf(breach).some((id) => lost.has(id)) && !isRefusedAgain(result, breach);
    failures.push(...breaches.filter(isOurs).map(({ rule, detail }) => `${rule}: ${callId}: ${detail}`));
    if (kind !== 'admitted') continue;
    for (const { responseId, outcome, deadAirMs } of turns) {
      if (lost.has(responseId)) continue;
      if (outcome === 'lost') failures.push(`turn lost: ${callId}: id ${responseId}`);
      else if (deadAirMs > 0) failures.push(`dead air: ${callId}: id ${responseId}, ${Math.round(deadAirMs)} ms`);
    }
  }
  return { lostAsks, failures };
}

/** The ask that a breach is about: one that was not closed, or one because of which something older came too late. */
function askOf({ rule, detail }: Breach): readonly number[] {
  const [, id] = (rule === 'ask.unclosed' ? /^id (\d+)/ : /after ask (\d+)$/).exec(detail) ?? [];
  return id === undefined ? [] : [Number(id)];
}

/** Whoever was told that all lines are busy, and lost the socket over it, is told again, or has a slot by now. */
function isRefusedAgain({ kind, sockets }: CallResult, { rule }: Breach): boolean {
  return kind === 'refused' && sockets > 1 && (rule === 'greeting.repeated' || rule === 'action.repeated');
}

import type { Agent } from '../agent/agent.ts';
import type { Action } from '../call/call.ts';
import type { Clock } from '../std/clock.ts';
import type { Line, LineListener } from './line.ts';

/** How long the busy line and its action may take before we hang up ourselves. */
const HANG_UP_AFTER_MS = 20_000;

/** What is left to do for a caller who was refused. */
export type Refusal = Pick<LineListener, 'onAsk' | 'onClosed'>;

/**
 * A caller for whom there is no slot: the busy line at once, with its action, and the same again should Retell
 * ask. Costs no slot, no model, no state.
 *
 * @param askedId the id Retell asks for now: 0, the begin message, unless it has asked already
 */
export function refuseBusy(line: Line, agent: Agent, clock: Clock, askedId: number): Refusal {
  const { line: text, action: wished } = agent.overflow;
  const action: Action = wished.kind === 'callback' ? { kind: 'end' } : wished;
  const refuse = (responseId: number) => line.carry({ kind: 'say', responseId, text, isComplete: true, action });
  refuse(askedId);
  const cancel = clock.after(HANG_UP_AFTER_MS, () => line.hangUp());
  return { onAsk: (_ask, responseId) => refuse(responseId), onClosed: cancel };
}

import type { Agent } from './agent.ts';

/** The agents of a house, and what becomes of a call that none of them lists. */
export interface AgentChoice {
  readonly agents: readonly Agent[];
  readonly defaultAgent: Agent;
  /** Refuse calls of Retell agents that no agent lists, instead of answering with the default one. */
  readonly isStrict: boolean;
}

/**
 * Which agent answers: the one that lists the call's Retell agent, or the default one; undefined when strictness
 * refuses the call.
 *
 * @param retellAgentId undefined when Retell names none: there is nothing to be strict about
 */
export function chooseAgent(
  { agents, defaultAgent, isStrict }: AgentChoice,
  retellAgentId: string | undefined,
): Agent | undefined {
  if (retellAgentId === undefined) return defaultAgent;
  const lister = agents.find(({ retellAgentIds }) => retellAgentIds.includes(retellAgentId));
  if (lister) return lister;
  return isStrict && listsAny(agents) ? undefined : defaultAgent;
}

/** Whether somebody forgot the Retell agent; a house in which no agent lists any id means its default one. */
export function isUnlisted(agents: readonly Agent[], retellAgentId: string | undefined): boolean {
  if (retellAgentId === undefined || !listsAny(agents)) return false;
  return !agents.some(({ retellAgentIds }) => retellAgentIds.includes(retellAgentId));
}

function listsAny(agents: readonly Agent[]): boolean {
  return agents.some(({ retellAgentIds }) => retellAgentIds.length > 0);
}

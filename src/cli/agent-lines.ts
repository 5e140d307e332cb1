import type { Agent } from '../agent/agent.ts';

/** Lines that are no answer, of all agents: whichever of them speaks. */
export function linesThatBuyTime(agents: readonly Agent[]): readonly string[] {
  return agents.flatMap((agent) => {
    const { fillers, progress } = agent.rules(agent.variables);
    return [...fillers, ...progress];
  });
}

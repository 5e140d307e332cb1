import type { Agent } from '../agent/agent.ts';

/** Lines that only buy time, of all agents: whichever of them speaks. */
export function linesThatBuyTime(agents: readonly Agent[]): readonly string[] {
  return agents.flatMap((agent) => {
    const { fillers, progress } = agent.rules(agent.variables);
    return [...fillers, ...progress];
  });
}

/** Lines that say there is no answer, of all agents. */
export function linesThatApologise(agents: readonly Agent[]): readonly string[] {
  return agents.flatMap(({ safeRules: { fallback, giveUp, cutShort } }) => [fallback.line, giveUp.line, cutShort]);
}

import type { Agent } from '../agent/agent.ts';
import type { Surroundings } from './surroundings.ts';

/** The agents that a server of this configuration would answer with. Faults: those of the configuration. */
export async function knownAgents({ env, cwd }: Surroundings): Promise<readonly Agent[]> {
  const { loadAgents } = await import('../variants/config.ts');
  return loadAgents(env, cwd);
}

/** Lines that are no answer, of all agents: whichever of them speaks. */
export function linesThatBuyTime(agents: readonly Agent[]): readonly string[] {
  return agents.flatMap((agent) => {
    const { fillers, progress } = agent.rules(agent.variables);
    return [...fillers, ...progress];
  });
}

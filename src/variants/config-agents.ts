import { resolve } from 'node:path';
import type { Agent } from '../agent/agent.ts';
import { Fault } from '../std/fault.ts';
import { nearest } from '../std/nearest.ts';
import { invalid } from './config-faults.ts';
import { importDefault } from './config-file.ts';

export interface ChosenAgents {
  readonly agents: readonly Agent[];
  /** The name of the one that answers where none claims the call. */
  readonly defaultAgent: string;
  readonly findings: readonly Fault[];
}

/**
 * The agents of a configuration: objects made by `defineAgent`, or paths of modules that export one by default.
 *
 * @param folder where those paths begin
 * @param place  how a fault names the setting: `offhook.config.ts:4 agents`
 */
export async function chooseAgents(
  configured: unknown,
  defaultName: unknown,
  folder: string,
  place: (key: string) => string,
): Promise<ChosenAgents> {
  if (!Array.isArray(configured) || configured.length === 0) {
    return { agents: [], defaultAgent: '', findings: [invalid(`${place('agents')}: expected a list of agents`)] };
  }
  const entries: unknown[] = await Promise.all(
    configured.map((entry) => (typeof entry === 'string' ? importDefault(resolve(folder, entry)) : entry)),
  );
  const agents = entries.filter(isAgent);
  const findings = [
    ...entries.flatMap((entry, index) => (isAgent(entry) ? [] : [notAnAgent(place('agents'), index)])),
    ...duplicates(agents),
    ...checkDefault(agents, defaultName, place),
  ];
  return { agents, defaultAgent: typeof defaultName === 'string' ? defaultName : (agents[0]?.name ?? ''), findings };
}

function notAnAgent(place: string, index: number): Fault {
  return invalid(`${place}: expected what defineAgent() returns at position ${index + 1}, got something else`);
}

function duplicates(agents: readonly Agent[]): readonly Fault[] {
  const names = repeated(agents.map(({ name }) => name)).map(
    (name) =>
      new Fault(
        'invalid',
        'agent.duplicate_name',
        `expected every agent to have its own name, two are called ${name}`,
        {
          effect: 'nobody is answered until it starts',
          fixes: ['rename one of them'],
        },
      ),
  );
  const ids = repeated(agents.flatMap(({ retellAgentIds }) => [...new Set(retellAgentIds)])).map(
    (id) =>
      new Fault('invalid', 'agent.duplicate_retell_id', `expected one agent to answer for ${id}, two list it`, {
        effect: 'nobody is answered until it starts',
        fixes: ['remove it from retellAgentIds of all but one'],
      }),
  );
  return [...names, ...ids];
}

function repeated(values: readonly string[]): readonly string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}

function checkDefault(
  agents: readonly Agent[],
  defaultName: unknown,
  place: (key: string) => string,
): readonly Fault[] {
  const names = agents.map(({ name }) => name);
  if (defaultName === undefined || (typeof defaultName === 'string' && names.includes(defaultName))) return [];
  const meant = typeof defaultName === 'string' ? nearest(defaultName, names) : undefined;
  const hint = meant ? `; did you mean ${meant}?` : ` (${names.join(', ')})`;
  return [invalid(`${place('defaultAgent')}: expected the name of one of the agents${hint}`)];
}

function isAgent(value: unknown): value is Agent {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    typeof value.name === 'string' &&
    'rules' in value &&
    typeof value.rules === 'function' &&
    'instructions' in value &&
    typeof value.instructions === 'function'
  );
}

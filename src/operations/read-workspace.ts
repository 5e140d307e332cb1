import type { RemoteAgent, WorkspaceLoad } from '../ports/call-control.ts';
import type { OperationContext } from './context.ts';
import { noKey } from './dial-outcome.ts';

/** Who answers: our agents, and the agents at Retell that each of them answers for. */
export interface AgentList {
  readonly agents: readonly {
    readonly name: string;
    readonly version: string;
    /** It answers where no agent claims the call. */
    readonly isDefault: boolean;
    /** Without a name: not known at Retell, or Retell could not be asked. */
    readonly retellAgents: readonly { readonly id: string; readonly name: string | undefined }[];
  }[];
  /** Agents at Retell that none of ours claims; undefined without RETELL_API_KEY. */
  readonly unclaimed: readonly RemoteAgent[] | undefined;
}

/** Lists our agents beside Retell's. Throws what Retell's REST threw. */
export async function listAgents(
  { agents, defaultAgent, callControl }: Pick<OperationContext, 'agents' | 'defaultAgent' | 'callControl'>,
  signal: AbortSignal,
): Promise<AgentList> {
  const remote = await callControl?.agents(signal);
  const names = new Map(remote?.map(({ id, name }) => [id, name]));
  const claimed = new Set(agents.flatMap(({ retellAgentIds }) => retellAgentIds));
  return {
    agents: agents.map(({ name, version, retellAgentIds }) => {
      const retellAgents = retellAgentIds.map((id) => ({ id, name: names.get(id) }));
      return { name, version, isDefault: name === defaultAgent.name, retellAgents };
    }),
    unclaimed: remote?.filter(({ id }) => !claimed.has(id)),
  };
}

/** Says how many calls the workspace has at once. @throws Fault `retell.no_key`, or what Retell's REST threw */
export async function readConcurrency(
  { callControl }: Pick<OperationContext, 'callControl'>,
  signal: AbortSignal,
): Promise<WorkspaceLoad> {
  if (!callControl) throw noKey();
  return callControl.concurrency(signal);
}

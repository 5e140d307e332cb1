import { Fault } from '../std/fault.ts';
import { nearest } from '../std/nearest.ts';
import type { OperationContext } from './context.ts';
import type { Dial, DialQueue } from './dial-queue.ts';

export interface PlaceCallOrder {
  /** E.164, one of the workspace's numbers. */
  readonly fromNumber: string;
  /** E.164. */
  readonly toNumber: string;
  /** One of our agents, by name; the Retell agent bound to the number unless given. */
  readonly agent?: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The same id again is the same order: nobody is dialled twice for it. */
  readonly requestId?: string;
}

/**
 * Dials out: at once when there is a slot, else queued, with the place in the answer.
 *
 * @throws Fault `calls.unknown_agent`, `calls.agent_not_at_retell`, `calls.queue_full`, `calls.request_reused`,
 *   `calls.refused_before`, `retell.no_key`, or what Retell's REST threw; after `retell.outcome_unknown` a phone may be
 *   ringing: it is looked up at Retell, and never dialled again
 */
export async function placeCall(
  context: Pick<OperationContext, 'agents'>,
  queue: Pick<DialQueue, 'place'>,
  order: PlaceCallOrder,
): Promise<Dial> {
  const { agent, requestId, ...call } = order;
  const agentId = agent === undefined ? undefined : retellAgentIdOf(context, agent);
  return queue.place({ ...call, ...(agentId !== undefined && { agentId }) }, requestId);
}

function retellAgentIdOf({ agents }: Pick<OperationContext, 'agents'>, name: string): string {
  const agent = agents.find((known) => known.name === name);
  const names = agents.map((known) => known.name);
  if (!agent) {
    const meant = nearest(name, names);
    throw new Fault('invalid', 'calls.unknown_agent', `expected the name of an agent: ${names.join(', ')}`, {
      ...(meant !== undefined && { fixes: [`use ${meant}`] }),
    });
  }
  const [retellAgentId] = agent.retellAgentIds;
  if (retellAgentId !== undefined) return retellAgentId;
  throw new Fault(
    'invalid',
    'calls.agent_not_at_retell',
    `expected agent ${name} to list a Retell agent id, it has none`,
    {
      fixes: ['add retellAgentIds to the agent', 'leave agent out: the agent bound to the number then answers'],
    },
  );
}

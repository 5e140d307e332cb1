import type { Variables } from '../agent/agent.ts';
import { chooseAgent } from '../agent/choose-agent.ts';
import type { ToolDesk } from '../agent/tool-desk.ts';
import { type CallId, parseCallId, type ToolOutcome } from '../call/call.ts';
import { Fault } from '../std/fault.ts';
import type { OperationContext } from './context.ts';

/** A Retell custom function: one of our tools, asked for by an agent that Retell runs. */
export interface FunctionCall {
  readonly tool: string;
  /** JSON text, not yet validated. */
  readonly arguments: string;
  readonly callId: CallId | undefined;
  readonly retellAgentId: string | undefined;
  readonly variables: Variables;
  /** Whether the signature covers call and arguments: it does not cover what stands in the URL. */
  readonly isSigned: boolean;
}

/** Where tools run: `agent/tool-desk.ts`. */
export type FunctionDesk = Pick<ToolDesk, 'run'>;

/** Tools of `request` scope are counted by turns of the socket, which these calls do not have. */
const REQUEST = 0;
/** Stands in for the call that a body did not name: good enough for tools that only read. */
const NO_CALL = 'no_call_named';

/**
 * Runs the tool a custom function names, through the same desk and ledger as the calls we answer: asked for twice, it
 * takes effect once. Arguments that nobody signed never reach a `once` tool.
 *
 * The agent is the one that the Retell agent is answered by, else any other: the first of them that has the tool.
 *
 * @throws Fault `function.unknown_agent`, `function.unknown_tool`, `function.no_call`
 */
export async function runFunction(
  context: OperationContext,
  desk: FunctionDesk,
  call: FunctionCall,
): Promise<ToolOutcome> {
  const chosen = chooseAgent(context, call.retellAgentId);
  if (!chosen) {
    throw new Fault('not_found', 'function.unknown_agent', 'expected a Retell agent that one of the agents lists', {
      fixes: ['add its id to retellAgentIds of an agent', 'turn off strictAgents'],
    });
  }
  const { agents, defaultAgent } = context;
  const agent = [chosen, defaultAgent, ...agents].find(({ tools }) => Object.hasOwn(tools, call.tool));
  const tool = agent?.tools[call.tool];
  if (!agent || !tool) {
    throw new Fault('not_found', 'function.unknown_tool', 'expected the name of a tool of one of the agents', {
      detail: { tool: call.tool.slice(0, 64) },
      fixes: [`use one of: ${[...new Set(agents.flatMap(({ tools }) => Object.keys(tools)))].join(', ')}`],
    });
  }
  const callId = call.callId ?? (tool.effect === 'safe' ? parseCallId(NO_CALL) : undefined);
  if (!callId) {
    throw new Fault('invalid', 'function.no_call', 'expected the call in the body: this tool acts once per call', {
      detail: { tool: call.tool },
      fixes: ['turn off "payload: args only" for this function'],
    });
  }
  if (call.callId && call.isSigned) context.liveCalls.prove(call.callId);
  return desk.run({
    callId,
    agent,
    name: call.tool,
    arguments: call.arguments,
    request: REQUEST,
    isProven: call.isSigned,
    granted: [],
    variables: { ...agent.variables, ...call.variables },
  });
}

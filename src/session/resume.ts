import type { Agent, Variables } from '../agent/agent.ts';
import type { Call, CallId, Rules, StoredCall } from '../call/call.ts';
import { newCall } from '../call/machine.ts';
import { restore, transcriptOf } from '../call/snapshot.ts';
import type { Transcript } from '../call/transcript.ts';
import { toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';

/** A call ready for its session. */
export interface ReadyCall {
  readonly call: Call;
  readonly agent: Agent;
  readonly isResumed: boolean;
  readonly stored: Transcript;
}

/** A call that begins with this socket. */
export function beginCall(
  callId: CallId,
  epoch: number,
  agent: Agent,
  brought: Variables,
  now: number,
  log: Log,
): ReadyCall {
  const variables = { ...agent.variables, ...brought };
  const rules = rulesFor(agent, variables, log);
  return { call: newCall(callId, epoch, rules, now, variables), agent, isResumed: false, stored: [] };
}

/**
 * A call that was here before, taken again one epoch higher, with the agent that had it. One that another version
 * stored in a shape we cannot read begins anew, but for the greeting: the caller is in mid-call, and Retell's next ask
 * brings every word.
 */
export function resumeCall(
  callId: CallId,
  epoch: number,
  stored: StoredCall,
  agents: readonly Agent[],
  defaultAgent: Agent,
  log: Log,
): ReadyCall {
  const agent = agents.find(({ name }) => name === stored.head.agent.name) ?? defaultAgent;
  const rules = rulesFor(agent, stored.head.variables, log);
  const call = restore(callId, epoch, stored, rules);
  if (call) return { call, agent, isResumed: true, stored: transcriptOf(stored) };
  log.error({ callId, schema: stored.head.schema }, 'a stored call cannot be read by this version; it begins anew');
  const { startedAt, variables } = stored.head;
  const anew = newCall(callId, epoch, rules, startedAt, variables);
  return { call: { ...anew, greeting: 'journaled' }, agent, isResumed: true, stored: [] };
}

/** The agent's rules; when its own code throws on these variables, the caller still hears a line instead of nothing. */
function rulesFor(agent: Agent, variables: Variables, log: Log): Rules {
  try {
    return agent.rules(variables);
  } catch (thrown) {
    log.error({ agent: agent.name, reason: toFault(thrown, 'agent.threw').reason }, 'the agent threw on its variables');
    return agent.safeRules;
  }
}

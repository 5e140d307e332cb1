import type { Variables } from '../agent/agent.ts';
import { chooseAgent } from '../agent/choose-agent.ts';
import type { CallId } from '../call/call.ts';
import { toFault } from '../std/fault.ts';
import { withDeadline } from '../std/signals.ts';
import type { OperationContext } from './context.ts';

/** Retell asks who should answer a call (or chat) that is about to begin. */
export interface InboundRequest {
  readonly channel: 'call' | 'chat';
  /** The Retell agent that the number is bound to, if any. */
  readonly retellAgentId: string | undefined;
  /** Known only to newer versions of Retell; a signed request that names a call proves it. */
  readonly callId: CallId | undefined;
  readonly signedAtMs: number;
  readonly body: string;
}

export type InboundDecision =
  | {
      readonly kind: 'accept';
      /** Which Retell agent should take it, where the number is bound to none. */
      readonly retellAgentId: string | undefined;
      readonly variables: Variables;
    }
  | { readonly kind: 'reject' };

/** Remembering that the call was named must not cost the caller more ringing than this. */
const REMEMBER_TIMEOUT_MS = 1_000;

/**
 * Decides about an inbound call before it exists: the only place where a caller can be refused before being answered.
 * When it cannot be known how many calls there are, the caller is let in; the busy line is still behind.
 */
export async function acceptInbound(
  context: OperationContext,
  request: InboundRequest,
  signal: AbortSignal,
): Promise<InboundDecision> {
  await remember(context, request, signal);
  const agent = chooseAgent(context, request.retellAgentId);
  if (!agent || (request.channel === 'call' && (await isFull(context, signal)))) return { kind: 'reject' };
  const retellAgentId = request.retellAgentId === undefined ? agent.retellAgentIds[0] : undefined;
  return { kind: 'accept', retellAgentId, variables: agent.variables };
}

async function isFull({ leases, maxCalls, log }: OperationContext, signal: AbortSignal): Promise<boolean> {
  try {
    return (await leases.count(signal)) >= maxCalls;
  } catch (thrown) {
    log.warn({ reason: toFault(thrown).reason }, 'calls could not be counted; the inbound call is let in');
    return false;
  }
}

async function remember(
  { records, clock, liveCalls, log }: OperationContext,
  request: InboundRequest,
  signal: AbortSignal,
) {
  const { callId, channel, signedAtMs: signedAt, body } = request;
  if (!callId) return;
  const event = `${channel}_inbound`;
  const record = { key: `${event}:${callId}`, event, callId, signedAt, receivedAt: clock.wall(), body };
  try {
    await withDeadline(clock, REMEMBER_TIMEOUT_MS, 'inbound.store_timeout', signal, (within) =>
      records.acceptWebhook(record, { facts: [], jobs: [] }, within),
    );
  } catch (thrown) {
    // The call is answered all the same; call_started or Retell's API may prove it later.
    log.warn({ callId, reason: toFault(thrown).reason }, 'inbound call could not be noted');
  }
  liveCalls.prove(callId);
}

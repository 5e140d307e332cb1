import type { RemoteCall } from '../ports/call-control.ts';
import { acceptWebhook } from './accept-webhook.ts';
import type { OperationContext } from './context.ts';

/**
 * Takes in that a call is over as its webhook would have: Retell was asked, since the webhook had not come. It claims
 * the webhook's own key, so that the webhook, should it come after all, is a duplicate and changes nothing.
 *
 * @throws Fault what `records.acceptWebhook` throws
 */
export function reportEnded(
  context: OperationContext,
  call: RemoteCall,
  signal: AbortSignal,
): Promise<'stored' | 'duplicate'> {
  const { callId, status, disconnectionReason = 'unknown', endedAt, durationMs } = call;
  const event = 'call_ended';
  const account = {
    call_id: callId,
    call_status: status,
    disconnection_reason: disconnectionReason,
    end_timestamp: endedAt,
    duration_ms: durationMs,
  };
  return acceptWebhook(
    context,
    {
      event,
      key: `${event}:${callId}`,
      callId,
      signedAtMs: context.clock.wall(),
      body: JSON.stringify({ event, call: account, found_by: 'list-calls' }),
      ended: {
        disconnectionReason,
        ...(durationMs !== undefined && { durationMs }),
        ...(endedAt !== undefined && { endedAtMs: endedAt }),
      },
    },
    signal,
  );
}

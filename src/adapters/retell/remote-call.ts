import { z } from 'zod';
import { parseCallId } from '../../call/call.ts';
import type { RemoteCall } from '../../ports/call-control.ts';

/** What we read of Retell's call object; the rest may be anything. */
const remoteCall = z.object({
  call_id: z.string().transform((id) => parseCallId(id)),
  call_status: z.string(),
  agent_id: z.string().nullish(),
  disconnection_reason: z.string().nullish(),
  end_timestamp: z.number().nullish(),
  duration_ms: z.number().nullish(),
});

/** A call object as the port has it; undefined for what is none, or has no id that could be ours. */
export function parseRemoteCall(answer: unknown): RemoteCall | undefined {
  const parsed = remoteCall.safeParse(answer);
  if (!parsed.success || !parsed.data.call_id) return undefined;
  const { call_id: callId, call_status: status, agent_id: agentId } = parsed.data;
  const { disconnection_reason: disconnectionReason, end_timestamp: endedAt, duration_ms: durationMs } = parsed.data;
  return {
    callId,
    status,
    agentId: agentId ?? undefined,
    ...(typeof disconnectionReason === 'string' && { disconnectionReason }),
    ...(typeof endedAt === 'number' && { endedAt }),
    ...(typeof durationMs === 'number' && { durationMs }),
  };
}

const listed = z.object({ start_timestamp: z.number().nullish(), metadata: z.unknown() });

/** What tells a listed call from others beside its id: when it began, and a field of its metadata. */
export function parseMarks(item: unknown, field: string): { readonly startedAt?: number; readonly mark?: unknown } {
  const parsed = listed.safeParse(item);
  if (!parsed.success) return {};
  const { start_timestamp: startedAt, metadata } = parsed.data;
  const mark = Object.entries(metadata ?? {}).find(([name]) => name === field)?.[1];
  return { ...(typeof startedAt === 'number' && { startedAt }), mark };
}

/** A page of a list, as every list of Retell's has it. */
export const page = z.object({
  items: z.array(z.unknown()),
  has_more: z.boolean().nullish(),
  pagination_key: z.string().nullish(),
});

/** The workspace's concurrency; both are needed, though Retell's types call them optional. */
export const concurrency = z.object({ current_concurrency: z.number(), concurrency_limit: z.number() });

/** An agent of the list. */
export const listedAgent = z.object({
  agent_id: z.string(),
  agent_name: z.string().nullish(),
  channel: z.string().nullish(),
});

/**
 * What Retell POSTs to us, in the wire's own names: lifecycle webhooks, inbound requests, custom functions.
 *
 * @source docs.retellai.com/features/webhook-overview, /features/inbound-call-webhook,
 *   /build/single-multi-prompt/custom-function; unknown events and fields are tolerated everywhere
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

/** The call object of a webhook; only what we read is named. `call_status` is stale by design and not read. */
interface WebhookCall {
  readonly call_id: string;
  readonly agent_id?: string | undefined;
  /** Epoch milliseconds. */
  readonly start_timestamp?: number | undefined;
  readonly duration_ms?: number | undefined;
  readonly disconnection_reason?: string | undefined;
}

/** A lifecycle event. The names are an open set; what tells them apart is the object they bring. */
export type LifecycleWebhook =
  | { readonly kind: 'call'; readonly event: string; readonly call: WebhookCall; readonly destination?: string }
  | { readonly kind: 'chat'; readonly event: string; readonly chat: { readonly chat_id: string } }
  | { readonly kind: 'alert'; readonly event: string }
  | { readonly kind: 'unknown'; readonly event: string };

/** A call (or a chat) that is about to begin: Retell asks who answers it, and with what. */
export interface InboundWebhook {
  readonly channel: 'call' | 'chat';
  readonly agent_id?: string | undefined;
  /** The later call's (or chat's) id; only newer versions of Retell send it. */
  readonly id?: string | undefined;
}

/** A custom function's request. Without `call` the arguments stood at the root of the body. */
export interface FunctionRequest {
  /** JSON text of the arguments. */
  readonly arguments: string;
  /** The function's name at Retell; absent where the arguments stood at the root. */
  readonly name?: string;
  readonly call?: {
    readonly call_id?: string | undefined;
    readonly agent_id?: string | undefined;
    readonly retell_llm_dynamic_variables?: Readonly<Record<string, unknown>> | undefined;
  };
}

/** A body we cannot use; `reason` is the Fault's, `field` where it went wrong. */
export interface MalformedBody {
  readonly kind: 'malformed';
  readonly reason: 'webhook.not_json' | 'webhook.not_object' | 'webhook.bad_fields';
  readonly field?: string;
}

const text = z.string().optional().catch(undefined);
const number = z.number().optional().catch(undefined);

const call = z.looseObject({
  call_id: z.string().min(1),
  agent_id: text,
  start_timestamp: number,
  duration_ms: number,
  disconnection_reason: text,
});
const lifecycle = z.looseObject({
  event: z.string().min(1).max(64),
  call: call.optional(),
  chat: z.looseObject({ chat_id: z.string().min(1) }).optional(),
  alert: z.looseObject({}).optional().catch(undefined),
  transfer_destination: z
    .union([z.string(), z.looseObject({ number: text })])
    .optional()
    .catch(undefined),
});
const inbound = z.looseObject({
  event: z.enum(['call_inbound', 'chat_inbound']),
  call_inbound: z.looseObject({ agent_id: text, call_id: text }).optional(),
  chat_inbound: z.looseObject({ agent_id: text, chat_id: text }).optional(),
});
const functionEnvelope = z.looseObject({
  name: text,
  args: z.looseObject({}),
  call: z
    .looseObject({
      call_id: text,
      agent_id: text,
      retell_llm_dynamic_variables: z.record(z.string(), z.unknown()).optional().catch(undefined),
    })
    .optional(),
});

/** Events that are about a call: one without its call object says nothing. */
const ABOUT_A_CALL = /^(call_|transfer_)|^transcript_updated$/;

/** Reads a lifecycle webhook's body; never throws. */
export function parseLifecycle(
  body: string,
): { readonly kind: 'parsed'; readonly webhook: LifecycleWebhook } | MalformedBody {
  const object = parseObject(body);
  if (object.kind === 'malformed') return object;
  const parsed = lifecycle.safeParse(object.value);
  if (!parsed.success) return badFields(parsed.error);
  const { event, transfer_destination } = parsed.data;
  if (parsed.data.call) {
    const destination = destinationOf(transfer_destination);
    const webhook = { kind: 'call', event, call: parsed.data.call, ...(destination && { destination }) } as const;
    return { kind: 'parsed', webhook };
  }
  if (parsed.data.chat) return { kind: 'parsed', webhook: { kind: 'chat', event, chat: parsed.data.chat } };
  if (ABOUT_A_CALL.test(event)) return { kind: 'malformed', reason: 'webhook.bad_fields', field: 'call' };
  return { kind: 'parsed', webhook: { kind: parsed.data.alert ? 'alert' : 'unknown', event } };
}

/** Reads the request that comes before a call or chat exists; never throws. */
export function parseInbound(
  body: string,
): { readonly kind: 'parsed'; readonly inbound: InboundWebhook } | MalformedBody {
  const object = parseObject(body);
  if (object.kind === 'malformed') return object;
  const parsed = inbound.safeParse(object.value);
  if (!parsed.success) return badFields(parsed.error);
  if (parsed.data.event === 'chat_inbound') {
    const { agent_id, chat_id } = parsed.data.chat_inbound ?? {};
    return { kind: 'parsed', inbound: { channel: 'chat', agent_id, id: chat_id } };
  }
  const { agent_id, call_id } = parsed.data.call_inbound ?? {};
  return { kind: 'parsed', inbound: { channel: 'call', agent_id, id: call_id } };
}

/** Reads a custom function's body, `{ name, args, call }` or the arguments alone; never throws. */
export function parseFunction(
  body: string,
): { readonly kind: 'parsed'; readonly request: FunctionRequest } | MalformedBody {
  const object = parseObject(body);
  if (object.kind === 'malformed') return object;
  const envelope = functionEnvelope.safeParse(object.value);
  // A tool may itself have an argument named `args`: only beside `call` or `name` is it Retell's envelope.
  const isEnvelope = envelope.success && ('call' in object.value || 'name' in object.value);
  const args = isEnvelope ? envelope.data.args : object.value;
  const { name, call: about } = isEnvelope ? envelope.data : {};
  try {
    const text = JSON.stringify(args);
    const request = { arguments: text, ...(name !== undefined && { name }), ...(about && { call: about }) };
    return { kind: 'parsed', request };
  } catch {
    return { kind: 'malformed', reason: 'webhook.bad_fields', field: 'args' }; // nested too deeply to print
  }
}

/** What we answer to an inbound request; Retell reads only the key named after the event. */
export interface InboundReply {
  readonly reject?: true;
  readonly override_agent_id?: string;
  readonly dynamic_variables?: Readonly<Record<string, string>>;
}

/** The response body to an inbound request. */
export function printInboundReply(channel: InboundWebhook['channel'], reply: InboundReply): string {
  return JSON.stringify({ [`${channel}_inbound`]: reply });
}

/**
 * What makes two deliveries the same webhook. Lifecycle events happen once per call; transfers may repeat, so they
 * are told apart by when and where to; what has no id of its own is told apart by its bytes.
 */
export function webhookKey(webhook: LifecycleWebhook, rawBody: string | Buffer): string {
  const { kind, event } = webhook;
  switch (kind) {
    case 'call': {
      const key = `${event}:${webhook.call.call_id}`;
      if (!event.startsWith('transfer_')) return key;
      return [key, webhook.call.start_timestamp ?? '', webhook.destination ?? ''].join(':');
    }
    case 'chat':
      return `${event}:${webhook.chat.chat_id}`;
    case 'alert':
    case 'unknown':
      return `${event}:${createHash('sha256').update(rawBody).digest('hex')}`;
    default:
      return kind satisfies never;
  }
}

/** Where a transfer goes, as far as it tells two of them apart. A number is personal: only its digest is kept. */
function destinationOf(destination: string | { readonly number?: string | undefined } | undefined): string | undefined {
  const number = typeof destination === 'string' ? destination : destination?.number;
  return number && createHash('sha256').update(number).digest('hex').slice(0, 16);
}

function parseObject(
  body: string,
): { readonly kind: 'object'; readonly value: Readonly<Record<string, unknown>> } | MalformedBody {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { kind: 'malformed', reason: 'webhook.not_json' }; // the reason says all there is to say
  }
  const object = z.looseObject({}).safeParse(value);
  return object.success ? { kind: 'object', value: object.data } : { kind: 'malformed', reason: 'webhook.not_object' };
}

function badFields(error: z.ZodError): MalformedBody {
  return { kind: 'malformed', reason: 'webhook.bad_fields', field: error.issues[0]?.path.join('.') ?? '' };
}

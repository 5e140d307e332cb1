import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseCallId, type ToolOutcome } from '../call/call.ts';
import { acceptInbound, type InboundDecision } from '../operations/accept-inbound.ts';
import { acceptWebhook } from '../operations/accept-webhook.ts';
import type { OperationContext } from '../operations/context.ts';
import { type FunctionDesk, runFunction } from '../operations/run-function.ts';
import { signedAtMs, verifySignature } from '../retell/signature.ts';
import { variablesOf } from '../retell/translate.ts';
import {
  type InboundReply,
  type LifecycleWebhook,
  type MalformedBody,
  parseFunction,
  parseInbound,
  parseLifecycle,
  printInboundReply,
  webhookKey,
} from '../retell/webhooks.ts';
import { Fault } from '../std/fault.ts';
import { withDeadline } from '../std/signals.ts';
import { oneHeader, RETELL_BODY_BYTES, rawBody } from './http.ts';

export interface WebhookRouteOptions {
  readonly context: OperationContext;
  readonly desk: FunctionDesk;
  /** Keys that Retell may sign with; two during rotation. Empty: everything is refused. */
  readonly keys: readonly string[];
  /** `stored`, `duplicate`, `answered`, `malformed`, `not_stored`, or why the signature was not accepted. */
  readonly countWebhook: (verdict: string) => void;
  readonly signal: AbortSignal;
}

const SIGNATURE = 'x-retell-signature';
const NO_BODY = Buffer.alloc(0);
/** Retell waits ten seconds; an answer that comes later is none. */
const STORE_TIMEOUT_MS = 8_000;
/** Bodies of up to 10 MiB each wait for the archive: more of them at once than this come again later. */
const MAX_AT_ONCE = 64;

/**
 * The routes that Retell POSTs to: lifecycle webhooks, inbound requests, custom functions. Nothing is parsed before
 * its signature is valid over the raw bytes; unsigned is 401, always, without a word why.
 */
export function addWebhookRoutes(app: FastifyInstance, options: WebhookRouteOptions): void {
  const { context, desk, keys, countWebhook, signal } = options;
  let atOnce = 0;

  /** Turns away what cannot become valid before its body is read. */
  const onRequest = async (request: FastifyRequest) => {
    const verdict = verifySignature(NO_BODY, oneHeader(request, SIGNATURE), keys, context.clock.wall());
    if (verdict !== 'valid' && verdict !== 'mismatch') throw notSigned(verdict);
  };
  /** Gives the time of the signature, epoch milliseconds. Requests without a body sign the empty string. */
  const admit = (request: FastifyRequest, signed: Buffer): number => {
    const header = oneHeader(request, SIGNATURE);
    const verdict = verifySignature(signed, header, keys, context.clock.wall());
    if (verdict !== 'valid') throw notSigned(verdict);
    request.isTrusted = true;
    return signedAtMs(header);
  };
  const notSigned = (verdict: string) => {
    countWebhook(verdict);
    return new Fault('unauthenticated', 'webhook.not_signed', 'expected a valid x-retell-signature');
  };
  const unusable = ({ reason, field }: MalformedBody) => {
    countWebhook('malformed');
    const where = field === undefined || field === '' ? 'the body' : field;
    return new Fault('invalid', reason, `expected a body as Retell documents it, could not use ${where}`);
  };

  /** The signature covers the body and not the path: a body signed for one tool must not run another. */
  const otherName = (tool: string) => {
    countWebhook('malformed');
    return new Fault('invalid', 'function.name_mismatch', 'expected the path and the body to name the same tool', {
      detail: { tool: tool.slice(0, 64) },
      fixes: ['give the function at Retell the name of the tool in its URL'],
    });
  };

  const onLifecycle = async (request: FastifyRequest, reply: FastifyReply) => {
    const raw = rawBody(request);
    const signedAt = admit(request, raw);
    const body = raw.toString();
    const parsed = parseLifecycle(body);
    if (parsed.kind === 'malformed') throw unusable(parsed);
    countWebhook(await store(parsed.webhook, body, webhookKey(parsed.webhook, raw), signedAt));
    return reply.code(204).send();
  };

  async function store(webhook: LifecycleWebhook, body: string, key: string, at: number) {
    const callId = webhook.kind === 'call' ? parseCallId(webhook.call.call_id) : undefined;
    const ended = webhook.kind === 'call' && webhook.event === 'call_ended' ? accountOf(webhook.call) : undefined;
    const signed = { event: webhook.event, key, callId, signedAtMs: at, body, ...(ended && { ended }) };
    if (atOnce >= MAX_AT_ONCE) {
      countWebhook('not_stored');
      throw new Fault('unavailable', 'webhook.too_many', `expected at most ${MAX_AT_ONCE} webhooks at once`);
    }
    atOnce++;
    try {
      return await withDeadline(context.clock, STORE_TIMEOUT_MS, 'webhook.store_timeout', signal, (within) =>
        acceptWebhook(context, signed, within),
      );
    } catch (cause) {
      countWebhook('not_stored');
      throw new Fault('unavailable', 'webhook.not_stored', 'expected to store the webhook, could not', { cause });
    } finally {
      atOnce--;
    }
  }

  const onInbound = async (request: FastifyRequest, reply: FastifyReply) => {
    const raw = rawBody(request);
    const signedAt = admit(request, raw);
    const body = raw.toString();
    const parsed = parseInbound(body);
    if (parsed.kind === 'malformed') throw unusable(parsed);
    const { channel, agent_id: retellAgentId, id } = parsed.inbound;
    const callId = channel === 'call' && id !== undefined ? parseCallId(id) : undefined;
    const inbound = { channel, retellAgentId, callId, signedAtMs: signedAt, body };
    const decision = await acceptInbound(context, inbound, signal);
    countWebhook('answered');
    return reply.type('application/json').send(printInboundReply(channel, replyTo(decision)));
  };

  const onFunction = async (request: FastifyRequest<{ Params: { tool: string } }>, reply: FastifyReply) => {
    const hasBody = request.method !== 'GET' && request.method !== 'DELETE';
    const raw = hasBody ? rawBody(request) : NO_BODY;
    admit(request, raw);
    const query = queryOf(request);
    const parsed = parseFunction(hasBody ? raw.toString() : JSON.stringify(query.rest));
    if (parsed.kind === 'malformed') throw unusable(parsed);
    const { arguments: args, call, name } = parsed.request;
    if (hasBody && name !== undefined && name !== request.params.tool) throw otherName(request.params.tool);
    const named = hasBody ? parseCallId(call?.call_id ?? '') : undefined;
    const outcome = await runFunction(context, desk, {
      tool: request.params.tool,
      arguments: args,
      callId: named ?? parseCallId(query.callId),
      retellAgentId: call?.agent_id,
      variables: variablesOf(call ?? {}),
      isSigned: named !== undefined,
    });
    countWebhook('answered');
    const content = contentOf(outcome);
    return reply.type(isJson(content) ? 'application/json' : 'text/plain; charset=utf-8').send(content);
  };

  const settings = { onRequest, bodyLimit: RETELL_BODY_BYTES };
  for (const path of ['/webhooks/retell', '/retell-webhook']) app.post(path, settings, onLifecycle);
  app.post('/webhooks/retell/inbound', settings, onInbound);
  app.route<{ Params: { tool: string } }>({
    method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/functions/:tool',
    ...settings,
    handler: onFunction,
  });
}

/** Retell's account of how a call ended. */
function accountOf(call: Extract<LifecycleWebhook, { kind: 'call' }>['call']) {
  const { disconnection_reason, duration_ms } = call;
  return {
    disconnectionReason: disconnection_reason ?? 'unknown',
    ...(duration_ms !== undefined && { durationMs: duration_ms }),
  };
}

function replyTo(decision: InboundDecision): InboundReply {
  if (decision.kind === 'reject') return { reject: true };
  const { retellAgentId, variables } = decision;
  return {
    ...(retellAgentId !== undefined && { override_agent_id: retellAgentId }),
    ...(Object.keys(variables).length > 0 && { dynamic_variables: variables }),
  };
}

/** What the model of Retell is told. Actions belong to the calls we answer; this one is Retell's to end or transfer. */
function contentOf(outcome: ToolOutcome): string {
  if (outcome.kind !== 'unknown') return outcome.content;
  return JSON.stringify({
    outcome: 'unknown',
    advice: 'It may or may not have happened. Ask the caller before trying again.',
  });
}

function isJson(content: string): boolean {
  try {
    JSON.parse(content);
    return true;
  } catch {
    return false; // plain text then
  }
}

function queryOf(request: FastifyRequest): {
  readonly callId: string;
  readonly rest: Readonly<Record<string, unknown>>;
} {
  const query = typeof request.query === 'object' && request.query !== null ? Object.entries(request.query) : [];
  const callId = query.find(([name]) => name === 'call_id')?.[1];
  return {
    callId: typeof callId === 'string' ? callId : '',
    rest: Object.fromEntries(query.filter(([name]) => name !== 'call_id')),
  };
}

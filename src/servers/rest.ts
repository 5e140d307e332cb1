import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { TurnFigures } from '../observe/meter.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { OperationContext } from '../operations/context.ts';
import type { DialQueue } from '../operations/dial-queue.ts';
import { endCall } from '../operations/end-call.ts';
import { getCall } from '../operations/get-call.ts';
import { listCalls } from '../operations/list-calls.ts';
import { placeCall } from '../operations/place-call.ts';
import { readStatus } from '../operations/read-status.ts';
import { sayInCall } from '../operations/say-in-call.ts';
import { Fault } from '../std/fault.ts';
import { oneHeader, rawBody } from './http.ts';
import { matchesOne } from './keys.ts';
import { genericProblem, PROBLEM_TYPE } from './problem.ts';

export interface RestRouteOptions {
  readonly context: OperationContext;
  readonly queue: DialQueue;
  readonly figures: () => TurnFigures;
  readonly metrics: Pick<Metrics, 'scrape'>;
  /** What clients present as `Authorization: Bearer`. */
  readonly apiKey: string | undefined;
  /** The loopback port: no key needed but to dial, and no name but a loopback one is answered to. */
  readonly isAdmin: boolean;
  readonly signal: AbortSignal;
}

const e164 = z.string().regex(/^\+[1-9]\d{6,14}$/, 'expected an E.164 number like +15550100');
const word = z.string().min(1).max(128);
const placeBody = z.strictObject({
  fromNumber: e164,
  toNumber: e164,
  agent: word.optional(),
  variables: z.record(z.string(), z.string()).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  requestId: word.optional(),
});
const action = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('end') }),
  z.strictObject({ kind: z.literal('transfer'), number: e164, showCaller: z.boolean().optional() }),
  z.strictObject({ kind: z.literal('digits'), digits: z.string().regex(/^[0-9*#]{1,32}$/) }),
]);
const sayBody = z
  .strictObject({ text: z.string().max(2_000), action: action.optional() })
  .refine(({ text, action }) => text.trim() !== '' || action !== undefined, { message: 'expected words or an action' });
const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(50),
  before: z.coerce.number().min(0).optional(),
});
const getQuery = z.object({ include: z.literal('transcript').optional() });

type WithId = { Params: { id: string } };

/**
 * The interface for people and programs of our own: calls, status, metrics. On the public port every route wants the
 * API key, and without one there is nothing there; on the admin port only dialling does.
 */
export function addRestRoutes(app: FastifyInstance, options: RestRouteOptions): void {
  const { context, queue, apiKey, isAdmin, signal } = options;
  if (!isAdmin && apiKey === undefined) return;

  const keyed = async (request: FastifyRequest) => {
    if (apiKey === undefined) throw noKeySet();
    const given = /^Bearer (\S+)$/i.exec(oneHeader(request, 'authorization') ?? '')?.[1] ?? '';
    if (!matchesOne(given, [apiKey])) throw new Fault('unauthenticated', 'api.key_refused', 'expected the API key');
    request.isTrusted = true;
  };
  const local = async (request: FastifyRequest, reply: FastifyReply) => {
    if (!isLocal(request)) {
      return reply
        .code(403)
        .type(PROBLEM_TYPE)
        .send(JSON.stringify(genericProblem(403)));
    }
    request.isTrusted = true;
  };
  const onRequest = isAdmin ? local : keyed;

  app.post('/api/v1/calls', { onRequest: isAdmin ? [local, keyed] : keyed }, async (request, reply) => {
    const body = parse(placeBody, bodyOf(request), 'api.bad_body');
    const requestId = body.requestId ?? oneHeader(request, 'idempotency-key');
    const dial = await placeCall(context, queue, {
      fromNumber: body.fromNumber,
      toNumber: body.toNumber,
      ...(body.agent !== undefined && { agent: body.agent }),
      ...(body.variables && { variables: body.variables }),
      ...(body.metadata && { metadata: body.metadata }),
      ...(requestId !== undefined && { requestId }),
    });
    const id = dial.state === 'placed' ? dial.callId : dial.id;
    return reply
      .code(dial.state === 'placed' ? 201 : 202)
      .header('location', `/api/v1/calls/${id}`)
      .send(dial);
  });

  app.get('/api/v1/calls', { onRequest }, async (request) => {
    const { limit, before } = parse(listQuery, request.query, 'api.bad_query');
    return listCalls(context, queue, { limit, before }, signal);
  });

  app.get<WithId>('/api/v1/calls/:id', { onRequest }, async (request) => {
    const { include } = parse(getQuery, request.query, 'api.bad_query');
    return getCall(context, queue, request.params.id, { withTranscript: include === 'transcript' }, signal);
  });

  app.post<WithId>('/api/v1/calls/:id/end', { onRequest }, async (request) => {
    return { id: request.params.id, state: await endCall(context, queue, request.params.id, signal) };
  });

  app.post<WithId>('/api/v1/calls/:id/say', { onRequest }, async (request, reply) => {
    const { text, action: wished } = parse(sayBody, bodyOf(request), 'api.bad_body');
    sayInCall(context, request.params.id, text, wished && toAction(wished));
    return reply.code(202).send({ id: request.params.id, state: 'said' });
  });

  app.get('/api/v1/status', { onRequest }, async () => readStatus(context, queue, options.figures, signal));

  app.get('/metrics', { onRequest }, async (_request, reply) => {
    const { text, contentType } = await options.metrics.scrape();
    return reply.type(contentType).send(text);
  });
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i;

/** No other name may lead here: a page whose name was rebound to loopback names itself, and a browser names its page. */
function isLocal(request: FastifyRequest): boolean {
  if (!LOOPBACK.test(request.headers.host ?? '')) return false;
  const { origin } = request.headers;
  return origin === undefined || LOOPBACK.test(origin.replace(/^https?:\/\//i, ''));
}

function noKeySet(): Fault {
  return new Fault('unauthenticated', 'api.no_key', 'expected OFFHOOK_API_KEY to be set: dialling always wants a key', {
    fixes: ['set OFFHOOK_API_KEY and send it as Authorization: Bearer'],
  });
}

function bodyOf(request: FastifyRequest): unknown {
  const raw = rawBody(request);
  try {
    return JSON.parse(raw.toString());
  } catch {
    throw new Fault('invalid', 'api.not_json', 'expected a JSON body');
  }
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  reason: 'api.bad_body' | 'api.bad_query',
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join('.') || 'all of it'}: ${message}`);
  throw new Fault('invalid', reason, `could not use ${problems.join('; ')}`);
}

function toAction(wished: z.output<typeof action>) {
  if (wished.kind !== 'transfer') return wished;
  const { kind, number, showCaller } = wished;
  return { kind, number, ...(showCaller !== undefined && { showCaller }) };
}

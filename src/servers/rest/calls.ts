import { z } from 'zod';
import { endCall } from '../../operations/end-call.ts';
import { getCall } from '../../operations/get-call.ts';
import { listCalls } from '../../operations/list-calls.ts';
import { placeCall } from '../../operations/place-call.ts';
import { sayInCall } from '../../operations/say-in-call.ts';
import { Fault } from '../../std/fault.ts';
import { type RestRoute, restRoute } from './route.ts';
import { callList, callOrDialId, dial, e164, foundCall, liveCallId, word } from './shapes.ts';

const order = z.strictObject({
  fromNumber: e164.describe("One of the workspace's numbers, E.164."),
  toNumber: e164.describe('Whom to dial, E.164.'),
  agent: word.optional().describe('One of our agents, by name; default: the one bound to the number at Retell.'),
  variables: z.record(z.string(), z.string()).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  requestId: word.optional().describe('As the header Idempotency-Key.'),
});

const action = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('end') }),
  z.strictObject({ kind: z.literal('transfer'), number: e164, showCaller: z.boolean().optional() }),
  z.strictObject({ kind: z.literal('digits'), digits: z.string().regex(/^[0-9*#]{1,32}$/) }),
]);
const words = z
  .strictObject({ text: z.string().max(2_000), action: action.optional() })
  .refine(({ text, action: wished }) => text.trim() !== '' || wished !== undefined, {
    message: 'expected words or an action',
  });

const place = restRoute({
  method: 'POST',
  path: '/api/v1/calls',
  name: 'placeCall',
  group: 'Calls',
  summary: 'Dial out',
  more:
    'Dials at once when there is a free slot, else queues the order and says its place. With the same Idempotency-Key ' +
    'the same order is never dialled twice. After retell.outcome_unknown a phone may be ringing: look the order up.',
  role: 'operator',
  isAlwaysKeyed: true,
  asks: z.object({
    headers: z.object({ 'idempotency-key': word.optional().describe('The same key again is the same order.') }),
    body: order,
  }),
  answers: { 201: 'Dialled; Location is the call.', 202: 'Queued, or on its way; Location is the order.' },
  answer: dial,
  refusals: {
    400: ['calls.agent_not_at_retell', 'calls.unknown_agent'],
    401: ['api.no_key'],
    409: ['calls.refused_before', 'calls.request_reused'],
    429: ['calls.queue_full', 'retell.rate_limited'],
    503: ['retell.no_key', 'retell.unavailable'],
    504: ['retell.outcome_unknown'],
  },
  async handle({ headers, body }, { context, queue }) {
    const { fromNumber, toNumber, agent, variables, metadata } = body;
    const requestId = oneOf(body.requestId, headers['idempotency-key']);
    const dialled = await placeCall(context, queue, {
      fromNumber,
      toNumber,
      ...(agent !== undefined && { agent }),
      ...(variables && { variables }),
      ...(metadata && { metadata }),
      ...(requestId !== undefined && { requestId }),
    });
    const isPlaced = dialled.state === 'placed';
    const location = `/api/v1/calls/${isPlaced ? dialled.callId : dialled.id}`;
    return { status: isPlaced ? 201 : 202, body: dialled, headers: { location } };
  },
});

const list = restRoute({
  method: 'GET',
  path: '/api/v1/calls',
  name: 'listCalls',
  group: 'Calls',
  summary: 'List calls, newest first',
  role: 'viewer',
  asks: z.object({
    query: z.object({
      limit: z.coerce.number().int().min(1).max(1_000).default(50).describe('Calls that ended, on this page.'),
      before: z.coerce.number().min(0).optional().describe('The nextBefore of the page before.'),
    }),
  }),
  answers: { 200: 'A page of them.' },
  answer: callList,
  async handle({ query: { limit, before } }, { context, queue }, signal) {
    return { status: 200, body: await listCalls(context, queue, { limit, before }, signal) };
  },
});

const get = restRoute({
  method: 'GET',
  path: '/api/v1/calls/{id}',
  name: 'getCall',
  group: 'Calls',
  summary: 'Look at a call, or at an order to dial',
  more: 'Words are personal: they want include=transcript and a key with privacy.',
  role: 'viewer',
  asks: callOrDialId.extend({ query: z.object({ include: z.literal('transcript').optional() }) }),
  answers: { 200: 'As it stands now.' },
  answer: foundCall,
  refusals: { 403: ['api.privacy_refused'], 404: ['calls.unknown'] },
  async handle({ path, query }, { context, queue }, signal, { mayReadWords }) {
    const withTranscript = query.include === 'transcript';
    if (withTranscript && !mayReadWords) throw noPrivacy();
    return { status: 200, body: await getCall(context, queue, path.id, { withTranscript }, signal) };
  },
});

const end = restRoute({
  method: 'POST',
  path: '/api/v1/calls/{id}/end',
  name: 'endCall',
  group: 'Calls',
  summary: 'End a call, or take an order out of the queue',
  role: 'operator',
  asks: callOrDialId,
  answers: { 200: 'It is over.' },
  answer: z.object({ id: z.string(), state: z.enum(['ended', 'cancelled']) }),
  refusals: { 404: ['calls.unknown'], 504: ['retell.end_timeout'] },
  async handle({ path: { id } }, { context, queue }, signal) {
    return { status: 200, body: { id, state: await endCall(context, queue, id, signal) } };
  },
});

const say = restRoute({
  method: 'POST',
  path: '/api/v1/calls/{id}/say',
  name: 'sayInCall',
  group: 'Calls',
  summary: 'Speak up in a live call, over the caller if need be',
  role: 'operator',
  asks: liveCallId.extend({ body: words }),
  answers: { 202: 'It is being said.' },
  answer: z.object({ id: z.string(), state: z.literal('said') }),
  refusals: { 404: ['calls.not_live'] },
  async handle({ path: { id }, body: { text, action: wished } }, { context }, signal) {
    await sayInCall(context, id, text, wished && toAction(wished), signal);
    return { status: 202, body: { id, state: 'said' as const } };
  },
});

/** The routes about calls. */
export const CALL_ROUTES: readonly RestRoute[] = [place, list, get, end, say];

/** An order has one name: given twice it must be the same. */
function oneOf(inBody: string | undefined, inHeader: string | undefined): string | undefined {
  if (inBody === undefined || inHeader === undefined || inBody === inHeader) return inBody ?? inHeader;
  throw new Fault('invalid', 'api.bad_header', 'could not use idempotency-key: expected it to equal requestId');
}

function noPrivacy(): Fault {
  return new Fault('forbidden', 'api.privacy_refused', 'expected a key with privacy, since words were asked for', {
    fixes: ['leave include=transcript out', 'use a key of OFFHOOK_API_KEYS with +privacy'],
  });
}

function toAction(wished: z.output<typeof action>) {
  if (wished.kind !== 'transfer') return wished;
  const { kind, number, showCaller } = wished;
  return { kind, number, ...(showCaller !== undefined && { showCaller }) };
}

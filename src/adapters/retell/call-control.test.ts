import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { type CallId, parseCallId } from '../../call/call.ts';
import type { CallControl } from '../../ports/call-control.ts';
import { Fault } from '../../std/fault.ts';
import { retellCallControl } from './call-control.ts';

const KEY = 'key_very_secret';
const NUMBER = '+12137774445';
const dial = { fromNumber: '+14157774444', toNumber: NUMBER };
const idle = new AbortController().signal;
const callId = parseCallId('call_119c3f8e47135a29') as CallId;
const placed = { call_id: callId, call_status: 'registered', agent_id: 'agent_1', from_number: dial.fromNumber };

let server: Server | undefined;

afterEach(async () => {
  if (!server) return;
  server.closeAllConnections();
  if (server.listening) {
    server.close();
    await once(server, 'close');
  }
  server = undefined;
});

type Answer = (response: ServerResponse, nth: number) => unknown;

/** Retell's API on a free port; it counts and keeps what it was sent before it answers. */
async function fakeApi(answer: Answer, timeoutMs = 5_000) {
  const requests: { method: string | undefined; url: string | undefined; key: string | undefined; body: string }[] = [];
  server = createServer(async (incoming, response) => {
    const body = await textOf(incoming);
    requests.push({ method: incoming.method, url: incoming.url, key: incoming.headers.authorization, body });
    await answer(response, requests.length);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { control: retellCallControl({ apiKey: KEY, baseUrl, timeoutMs }), requests };
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of incoming) text += piece;
  return text;
}

const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
};
/** Retell's errors repeat what was sent. */
const error = (status: number, headers: Readonly<Record<string, string>> = {}): Answer =>
  json(status, { status: 'error', message: `${NUMBER} ${KEY}` }, headers);

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof Fault)) throw new Error(`expected a Fault, got ${inspect(thrown)}`);
  expect(inspect(thrown, { depth: 20 })).not.toMatch(new RegExp(`\\${NUMBER}|${KEY}`));
  return thrown;
}

describe('what is sent and read', () => {
  it('places a call with everything that was asked for', async () => {
    const { control, requests } = await fakeApi(json(201, placed));
    const variables = { name: 'Ada' };
    const metadata = { requestId: 'r1' };
    expect(await control.place({ ...dial, agentId: 'agent_1', variables, metadata }, idle)).toEqual({
      callId,
      status: 'registered',
      agentId: 'agent_1',
    });
    expect(requests).toMatchObject([{ method: 'POST', url: '/v2/create-phone-call', key: `Bearer ${KEY}` }]);
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual({
      from_number: dial.fromNumber,
      to_number: NUMBER,
      override_agent_id: 'agent_1',
      retell_llm_dynamic_variables: variables,
      metadata,
    });
  });

  it('sends no field that was not asked for', async () => {
    const { control, requests } = await fakeApi(json(201, placed));
    await control.place(dial, idle);
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual({ from_number: dial.fromNumber, to_number: NUMBER });
  });

  it('fetches a call', async () => {
    const { control, requests } = await fakeApi(json(200, { ...placed, call_status: 'of next year', agent_id: null }));
    expect(await control.fetch(callId, idle)).toEqual({ callId, status: 'of next year', agentId: undefined });
    expect(requests).toMatchObject([{ method: 'GET', url: `/v2/get-call/${callId}` }]);
  });

  it('knows no call that Retell does not know', async () => {
    const { control } = await fakeApi(error(404));
    expect(await control.fetch(callId, idle)).toBeUndefined();
  });

  it('tells how a call ended', async () => {
    const over = { call_status: 'ended', disconnection_reason: 'user_hangup', end_timestamp: 12, duration_ms: 7 };
    const { control } = await fakeApi(json(200, { ...placed, ...over }));
    const account = { status: 'ended', disconnectionReason: 'user_hangup', endedAt: 12, durationMs: 7 };
    expect(await control.fetch(callId, idle)).toEqual({ callId, agentId: 'agent_1', ...account });
  });

  it('ends a call', async () => {
    const { control, requests } = await fakeApi((response) => response.writeHead(204).end());
    await control.end(callId, idle);
    expect(requests).toMatchObject([{ method: 'POST', url: `/v2/stop-call/${callId}` }]);
  });
});

const EFFECTS: readonly [string, (control: CallControl, signal?: AbortSignal) => Promise<unknown>][] = [
  ['place', (control, signal = idle) => control.place(dial, signal)],
  ['end', (control, signal = idle) => control.end(callId, signal)],
];

describe.each(EFFECTS)('%s, which has an effect', (_, act) => {
  it.each([
    [400, 'invalid', 'retell.refused'],
    [401, 'unauthenticated', 'retell.key_refused'],
    [402, 'exhausted', 'retell.payment_required'],
    [403, 'unauthenticated', 'retell.key_refused'],
    [404, 'not_found', 'retell.not_found'],
    [422, 'invalid', 'retell.refused'],
    [429, 'exhausted', 'retell.rate_limited'],
  ])('POSTs once when Retell answers %i, and faults as %s, %s', async (status, kind, reason) => {
    const { control, requests } = await fakeApi(error(status));
    expect(await faultOf(act(control))).toMatchObject({ kind, reason, detail: { status } });
    expect(requests).toHaveLength(1);
  });

  it.each([408, 409, 500, 503, 307])('POSTs once when Retell answers %i: the outcome is unknown', async (status) => {
    const { control, requests } = await fakeApi(error(status, { 'x-should-retry': 'true', location: '/elsewhere' }));
    expect(await faultOf(act(control))).toMatchObject({
      kind: 'timeout',
      reason: 'retell.outcome_unknown',
      detail: { status },
    });
    expect(requests).toHaveLength(1);
  });

  it('POSTs once when the connection is reset after sending: the outcome is unknown', async () => {
    const { control, requests } = await fakeApi((response) => response.socket?.resetAndDestroy());
    expect(await faultOf(act(control))).toMatchObject({ reason: 'retell.outcome_unknown' });
    expect(requests).toHaveLength(1);
  });

  it('POSTs once when no answer comes in time: the outcome is unknown', async () => {
    const { control, requests } = await fakeApi(() => {}, 50);
    expect(await faultOf(act(control))).toMatchObject({ reason: 'retell.outcome_unknown' });
    expect(requests).toHaveLength(1);
  });

  it('does not wait for ever for the rest of an answer', async () => {
    const { control, requests } = await fakeApi((response) => {
      response.writeHead(201, { 'content-type': 'application/json' }).write('{');
    }, 50);
    expect(await faultOf(act(control))).toMatchObject({ reason: 'retell.outcome_unknown' });
    expect(requests).toHaveLength(1);
  });

  it('does not know the outcome either when it was cancelled after sending', async () => {
    const reached = Promise.withResolvers<void>();
    const { control } = await fakeApi(() => reached.resolve());
    const controller = new AbortController();
    const acting = faultOf(act(control, controller.signal));
    await reached.promise;
    controller.abort(new Fault('cancelled', 'request.gone', 'expected a reader, it left'));
    expect(await acting).toMatchObject({ reason: 'retell.outcome_unknown', cause: { reason: 'request.gone' } });
  });

  it('sends nothing for a signal that is already aborted', async () => {
    const { control, requests } = await fakeApi(json(201, placed));
    const gone = new Fault('cancelled', 'request.gone', 'expected a reader, it left');
    expect(await faultOf(act(control, AbortSignal.abort(gone)))).toBe(gone);
    expect(requests).toHaveLength(0);
  });

  it('knows that nothing was done when no connection could be made', async () => {
    const { control } = await fakeApi(() => {});
    server?.close();
    expect(await faultOf(act(control))).toMatchObject({
      kind: 'unavailable',
      reason: 'retell.unavailable',
      detail: { code: 'ECONNREFUSED' },
    });
  });
});

describe('place', () => {
  it.each([
    ['no id', json(201, { call_status: 'registered' })],
    ['an id that is none', json(201, { ...placed, call_id: '../x' })],
    ['no JSON', (response: ServerResponse) => response.writeHead(201).end('placed')],
    [
      'half of its JSON',
      (response: ServerResponse) => response.writeHead(201, { 'content-type': 'application/json' }).end('{"call'),
    ],
  ] satisfies [string, Answer][])('does not know the outcome when the answer has %s', async (_, answer) => {
    const { control, requests } = await fakeApi(answer);
    expect(await faultOf(control.place(dial, idle))).toMatchObject({ reason: 'retell.outcome_unknown' });
    expect(requests).toHaveLength(1);
  });

  it.each([400, 402, 422, 429])('knows by its words, with status %i, that the workspace is full', async (status) => {
    const words = json(status, { status: 'error', message: `Account concurrency limit reached ${NUMBER} ${KEY}` });
    const { control, requests } = await fakeApi(words);
    const reason = 'retell.concurrency_reached';
    expect(await faultOf(control.place(dial, idle))).toMatchObject({ kind: 'exhausted', reason, detail: { status } });
    expect(requests).toHaveLength(1);
  });

  it('tells how long a limit lasts', async () => {
    const { control } = await fakeApi(error(429, { 'retry-after': '2' }));
    expect((await faultOf(control.place(dial, idle))).detail.retryAfterMs).toBe(2_000);
  });
});

describe('fetch, which may be repeated', () => {
  const soon = { 'retry-after-ms': '1' };

  it('asks a third time when Retell answered 500 twice', async () => {
    const { control, requests } = await fakeApi((response, nth) =>
      (nth < 3 ? error(500, soon) : json(200, placed))(response, nth),
    );
    expect(await control.fetch(callId, idle)).toMatchObject({ callId });
    expect(requests).toHaveLength(3);
  });

  it.each([
    [401, 1, 'unauthenticated', 'retell.key_refused'],
    [402, 1, 'exhausted', 'retell.payment_required'],
    [422, 1, 'invalid', 'retell.refused'],
    [429, 3, 'exhausted', 'retell.rate_limited'],
    [500, 3, 'unavailable', 'retell.unavailable'],
  ])('asks, when Retell answers %i, %i times, and faults as %s, %s', async (status, times, kind, reason) => {
    const { control, requests } = await fakeApi(error(status, soon));
    expect(await faultOf(control.fetch(callId, idle))).toMatchObject({ kind, reason });
    expect(requests).toHaveLength(times);
  });

  it('faults on an answer that is no call', async () => {
    const { control } = await fakeApi(json(200, []));
    expect(await faultOf(control.fetch(callId, idle))).toMatchObject({ reason: 'retell.bad_response' });
  });

  it('does not wait when Retell asks for an hour of patience', async () => {
    const { control, requests } = await fakeApi(error(429, { 'retry-after': '3600' }));
    expect(await faultOf(control.fetch(callId, idle))).toMatchObject({
      reason: 'retell.rate_limited',
      detail: { retryAfterMs: 3_600_000 },
    });
    expect(requests).toHaveLength(1);
  });

  it('stops at once when it is cancelled, even while it waits to ask again', async () => {
    const reached = Promise.withResolvers<void>();
    const { control } = await fakeApi((response, nth) => {
      response.on('close', () => reached.resolve());
      error(500, { 'retry-after': '2' })(response, nth);
    });
    const controller = new AbortController();
    const gone = new Fault('cancelled', 'request.gone', 'expected a reader, it left');
    const fetching = faultOf(control.fetch(callId, controller.signal));
    await reached.promise;
    controller.abort(gone);
    expect(await fetching).toBe(gone);
  });

  it('gives up in the end when answers only begin', async () => {
    const { control } = await fakeApi((response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{');
    }, 20);
    expect(await faultOf(control.fetch(callId, idle))).toMatchObject({ kind: 'timeout', reason: 'retell.timeout' });
  });
});

describe('findByMetadata', () => {
  const call = (order: string, startedAt = 2_000_000) => ({
    ...placed,
    start_timestamp: startedAt,
    metadata: { order },
  });
  const pages = (last: object): Answer => {
    return (response, nth) =>
      json(200, nth === 1 ? { items: [call('a')], has_more: true, pagination_key: 'next' } : last)(response, nth);
  };

  it('asks for the field, newest first, and reads on until it is found', async () => {
    const { control, requests } = await fakeApi(pages({ items: [call('b')], has_more: true, pagination_key: 'more' }));
    expect(await control.findByMetadata('order', 'b', 0, idle)).toMatchObject({ callId });
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual(Array(2).fill('POST /v3/list-calls'));
    expect(requests.map(({ body }) => JSON.parse(body))).toMatchObject([
      {
        filter_criteria: { metadata: [{ type: 'string', op: 'eq', key: 'order', value: 'b' }] },
        sort_order: 'descending',
      },
      { pagination_key: 'next' },
    ]);
  });

  it('takes a list for whole once its calls are older than the dial', async () => {
    const { control, requests } = await fakeApi(pages({ items: [call('a', 1)], has_more: true, pagination_key: 'x' }));
    expect(await control.findByMetadata('order', 'b', 1_000_000, idle)).toBeUndefined();
    expect(requests).toHaveLength(2);
  });

  it.each([
    ['goes on and on', pages({ items: [call('a')], has_more: true, pagination_key: 'next' }), 10],
    ['has more and does not say where', pages({ items: [], has_more: true }), 2],
  ])('does not say that there is none when the list %s', async (_, answer, times) => {
    const { control, requests } = await fakeApi(answer);
    expect(await faultOf(control.findByMetadata('order', 'b', 0, idle))).toMatchObject({
      kind: 'unavailable',
      reason: 'retell.too_many_calls',
    });
    expect(requests).toHaveLength(times);
  });

  it('asks again while Retell is unavailable: nothing is done by asking', async () => {
    const { control, requests } = await fakeApi((response, nth) =>
      (nth < 3 ? error(500, { 'retry-after-ms': '1' }) : json(200, { items: [] }))(response, nth),
    );
    expect(await control.findByMetadata('order', 'b', 0, idle)).toBeUndefined();
    expect(requests).toHaveLength(3);
  });
});

describe('lists', () => {
  it('are a fault when they are none', async () => {
    const { control } = await fakeApi(json(200, {}));
    const asked = [
      control.findByMetadata('order', 'b', 0, idle),
      control.ended([callId], idle),
      control.concurrency(idle),
      control.agents(idle),
    ];
    for (const fault of await Promise.all(asked.map(faultOf))) {
      expect(fault).toMatchObject({ reason: 'retell.bad_response' });
    }
  });

  it('of calls that are over are not taken on trust', async () => {
    const ongoing = { ...placed, call_status: 'ongoing' };
    const other = { ...placed, call_status: 'ended', call_id: 'call_of_somebody_else' };
    const { control, requests } = await fakeApi(json(200, { items: [ongoing, other, 'nonsense'], has_more: false }));
    expect(await control.ended([callId], idle)).toEqual([]);
    expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({
      filter_criteria: { call_id: { op: 'in', value: [callId] }, call_status: { op: 'in' } },
    });
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { defineAgent } from '../agent/agent.ts';
import { parseCallId } from '../call/call.ts';
import type { CallControl } from '../ports/call-control.ts';
import { openHouse } from './house.fixture.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const house of opened.splice(0)) await house.close();
});

const agent = defineAgent({ name: 'desk', greeting: 'Hello.', instructions: 'Be kind.' });
const KEY = { authorization: 'Bearer the-api-key' };
const { signal } = new AbortController();
const GENERIC_401 = { type: 'about:blank', title: 'Unauthorized', status: 401 };

async function given(
  overrides: Partial<Parameters<typeof openHouse>[0]> = {},
  options: Parameters<typeof openHouse>[1] = {},
) {
  const house = await openHouse(
    {
      agents: [agent],
      defaultAgent: agent,
      ...overrides,
    },
    options,
  );
  opened.push(house);
  return house;
}

/** A Retell that dials whoever it is asked to. */
function retell(): CallControl {
  let placed = 0;
  return {
    place: async () => {
      const callId = parseCallId(`call_${++placed}_aaaa`);
      if (!callId) throw new Error('bad id');
      return { callId, status: 'registered', agentId: undefined };
    },
    fetch: async () => undefined,
    end: async () => {},
    findByMetadata: async () => undefined,
    ended: async () => [],
    concurrency: async () => ({ current: 3, limit: 20 }),
    agents: async () => [{ id: 'agent_1', name: 'Desk at Retell' }],
  };
}

const NUMBERS = { fromNumber: '+15550100', toNumber: '+15550199' };
const post = (url: string, body: unknown, headers: Record<string, string> = KEY) =>
  fetch(url, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });

const ROUTES = [
  ['POST', '/api/v1/calls'],
  ['GET', '/api/v1/calls'],
  ['GET', '/api/v1/calls/call_1_aaaa'],
  ['POST', '/api/v1/calls/call_1_aaaa/end'],
  ['POST', '/api/v1/calls/call_1_aaaa/say'],
  ['GET', '/api/v1/status'],
  ['GET', '/metrics'],
] as const;

describe('who may ask', () => {
  it.each(ROUTES)('wants the key on the public port: %s %s', async (method, path) => {
    const { base } = await given();
    for (const authorization of ['', 'Bearer', 'Bearer the-api-kez', 'Basic the-api-key', 'Bearer the-api-key x']) {
      const answer = await fetch(base + path, { method, headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(await answer.json()).toEqual(GENERIC_401);
    }
  });

  it.each(ROUTES)('has nothing there without a key configured: %s %s', async (method, path) => {
    const { base } = await given({}, { servers: { apiKeys: [] } });
    const answer = await fetch(base + path, { method, headers: KEY });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({ type: 'about:blank', title: 'Not Found', status: 404 });
  });

  it('wants no key on the admin port, except to dial', async () => {
    const { admin } = await given({ callControl: retell() });
    expect((await fetch(`${admin}/api/v1/status`)).status).toBe(200);
    expect((await fetch(`${admin}/metrics`)).status).toBe(200);
    expect((await post(`${admin}/api/v1/calls`, NUMBERS, {})).status).toBe(401);
    expect((await post(`${admin}/api/v1/calls`, NUMBERS)).status).toBe(201);
  });

  it('never dials where no key is configured, and says so on the admin port', async () => {
    const { admin } = await given({ callControl: retell() }, { servers: { apiKeys: [] } });
    const answer = await post(`${admin}/api/v1/calls`, NUMBERS);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 'api.no_key' });
  });

  it('answers on the admin port to no name but a loopback one, and to no page but a local one', async () => {
    const { admin, adminPort } = await given();
    const ask = (headers: Record<string, string>) => rawStatus(adminPort, headers);
    expect(await ask({ host: `localhost:${adminPort}` })).toBe(200);
    expect(await ask({ host: `[::1]:${adminPort}` })).toBe(200);
    expect(await ask({ host: 'evil.example' })).toBe(403);
    expect(await ask({ host: '127.0.0.1.evil.example' })).toBe(403);
    expect(await ask({ host: '127.0.0.1', origin: 'https://evil.example' })).toBe(403);
    expect(await ask({ host: '127.0.0.1', origin: 'null' })).toBe(403);
    expect(await ask({ host: '127.0.0.1', origin: 'http://localhost:8081' })).toBe(200);
    expect((await fetch(`${admin}/live`)).status).toBe(200);
  });
});

describe('calls', () => {
  it('are placed, or queued with their place in the answer', async () => {
    const house = await given({ callControl: retell(), maxCalls: 1 });
    const placed = await post(`${house.base}/api/v1/calls`, NUMBERS);
    expect(placed.status).toBe(201);
    expect(await placed.json()).toMatchObject({ state: 'placed', callId: 'call_1_aaaa' });
    expect(placed.headers.get('location')).toBe('/api/v1/calls/call_1_aaaa');
    const queued = await post(`${house.base}/api/v1/calls`, NUMBERS, { ...KEY, 'idempotency-key': 'order-2' });
    expect(queued.status).toBe(202);
    const { id, ...rest } = (await queued.json()) as { id: string };
    expect(rest).toEqual({ state: 'queued', position: 1 });
    const again = await post(`${house.base}/api/v1/calls`, { ...NUMBERS, requestId: 'order-2' });
    expect(await again.json()).toMatchObject({ id, position: 1 });
    const list = await fetch(`${house.base}/api/v1/calls`, { headers: KEY });
    expect(await list.json()).toMatchObject({ queued: [{ id }], calls: [] });
    const ended = await post(`${house.base}/api/v1/calls/${id}/end`, '');
    expect(await ended.json()).toEqual({ id, state: 'cancelled' });
    await house.queue.close();
  });

  it('are one order under one key, and another order is refused there', async () => {
    const house = await given({ callControl: retell() });
    const order = (body: object, key: string) =>
      post(`${house.base}/api/v1/calls`, body, { ...KEY, 'idempotency-key': key });
    const first = (await (await order(NUMBERS, 'order-1')).json()) as { id: string };
    expect(await (await order(NUMBERS, 'order-1')).json()).toEqual(first);
    const reused = await order({ ...NUMBERS, toNumber: '+15550198' }, 'order-1');
    expect(reused.status).toBe(409);
    expect(await reused.json()).toMatchObject({ code: 'calls.request_reused' });
    const torn = await order({ ...NUMBERS, requestId: 'order-2' }, 'order-1');
    expect([torn.status, await torn.json()]).toMatchObject([400, { code: 'api.bad_header' }]);
    const long = await order(NUMBERS, 'x'.repeat(129));
    expect([long.status, await long.json()]).toMatchObject([400, { code: 'api.bad_header' }]);
    await house.queue.close();
  });

  it('cannot be placed without Retell’s key, and the answer says how to', async () => {
    const { base } = await given();
    const answer = await post(`${base}/api/v1/calls`, NUMBERS);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      code: 'retell.no_key',
      fixes: [expect.stringContaining('RETELL_API_KEY')],
    });
  });

  it.each([
    ['{', 'api.not_json'],
    ['', 'api.not_json'],
    ['[]', 'api.bad_body'],
    [{}, 'api.bad_body'],
    [{ ...NUMBERS, toNumber: '5550199' }, 'api.bad_body'],
    [{ ...NUMBERS, tonumber: '+15550199' }, 'api.bad_body'],
    [{ ...NUMBERS, variables: { n: 1 } }, 'api.bad_body'],
    [{ ...NUMBERS, agent: 'dsek' }, 'calls.unknown_agent'],
  ])('are not placed for %j', async (body, code) => {
    const { base } = await given({ callControl: retell() });
    const answer = await post(`${base}/api/v1/calls`, body);
    expect(answer.status).toBe(400);
    const problem = await answer.text();
    expect(JSON.parse(problem)).toMatchObject({ code });
    expect(problem).not.toContain('5550199');
  });

  it('are read without their words unless these are asked for', async () => {
    const house = await given();
    const callId = parseCallId('call_1_aaaa');
    if (!callId) throw new Error('bad id');
    await house.context.records.saveReport(
      {
        callId,
        agent: { name: 'desk', version: '1' },
        startedAt: 1,
        endedAt: 2,
        reason: 'user_hangup',
        turns: 1,
        tools: [],
        transcript: [{ role: 'user', content: 'private words' }],
      },
      signal,
    );
    const url = `${house.admin}/api/v1/calls/call_1_aaaa`;
    expect(await (await fetch(url)).text()).not.toContain('private');
    expect(await (await fetch(`${url}?include=transcript`)).text()).toContain('private words');
    expect(await (await fetch(`${house.admin}/api/v1/calls?limit=10`)).text()).not.toContain('private');
    expect((await fetch(`${house.admin}/api/v1/calls?limit=0`)).status).toBe(400);
    const unknown = await fetch(`${house.admin}/api/v1/calls/call_9_aaaa`);
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ code: 'calls.unknown' });
  });

  it('can be spoken up in and ended while they live', async () => {
    const house = await given();
    const callId = parseCallId('call_1_aaaa');
    if (!callId) throw new Error('bad id');
    const url = `${house.admin}/api/v1/calls/${callId}`;
    expect((await post(`${url}/say`, { text: 'Hello.' })).status).toBe(404);
    house.live.set(callId, { callId, agent: 'desk', startedAt: 1, phase: 'listening', isProven: true, responseId: 0 });
    expect((await post(`${url}/say`, { text: '' })).status).toBe(400);
    const said = await post(`${url}/say`, { text: 'Hello.', action: { kind: 'transfer', number: '+15550111' } });
    expect(said.status).toBe(202);
    expect(house.done.at(-1)).toBe('interject call_1_aaaa Hello. transfer');
    expect(await (await fetch(`${house.admin}/api/v1/calls`)).json()).toMatchObject({
      calls: [{ state: 'live', callId, phase: 'listening' }],
    });
    expect(await (await post(`${url}/end`, '')).json()).toEqual({ id: callId, state: 'ended' });
  });
});

it('gives the status', async () => {
  const house = await given();
  await house.context.leases.acquire('x', 10, 60_000, signal);
  expect(await (await fetch(`${house.admin}/api/v1/status`)).json()).toMatchObject({
    active: 1,
    capacity: 10,
    utilization: 0.1,
    queued: 0,
    turns: 0,
    slowShare: 0,
    fillerShare: 0,
    deadAir: { count: 0, worstMs: 0 },
    refused: 0,
    callbacks: 0,
  });
});

it('gives the metrics as Prometheus reads them', async () => {
  const { base } = await given();
  const answer = await fetch(`${base}/metrics`, { headers: KEY });
  expect(answer.headers.get('content-type')).toContain('text/plain');
  expect(await answer.text()).toContain('offhook_calls_capacity 10');
});

/** A request with headers that fetch would not send. */
async function rawStatus(port: number, headers: Record<string, string>): Promise<number> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/api/v1/status', headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

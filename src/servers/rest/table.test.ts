import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listedReasons } from '../../../test/fault-reasons.ts';
import { memoryJobs } from '../../adapters/memory/jobs.ts';
import { defineAgent } from '../../agent/agent.ts';
import { type CallId, parseCallId } from '../../call/call.ts';
import type { CallControl } from '../../ports/call-control.ts';
import { systemClock } from '../../std/clock.ts';
import { FAULT_POLICY, Fault } from '../../std/fault.ts';
import { silentLog } from '../../std/log.ts';
import { openHouse } from '../house.fixture.ts';
import { createHttp } from '../http.ts';
import { addRestRoutes } from '../rest.ts';
import { openApi } from './open-api.ts';
import type { RestRoute } from './route.ts';
import { REST_ROUTES } from './table.ts';

const { signal } = new AbortController();
const KEY = { authorization: 'Bearer the-api-key' };
const DEAD = 'dead-job';
const agent = defineAgent({ name: 'desk', greeting: '', instructions: 'Be kind.', retellAgentIds: ['agent_1'] });
let house: Awaited<ReturnType<typeof openHouse>>;

beforeAll(async () => {
  const jobs = memoryJobs(systemClock);
  house = await openHouse(
    {
      agents: [agent],
      defaultAgent: agent,
      jobs: { ...jobs, ...deadJobs() },
      callControl: retell(),
    },
    {
      servers: {
        dependencies: () => [
          { name: 'redis', state: 'open', hasAnswered: true, waiting: 2, reason: 'redis.unreachable' },
        ],
      },
    },
  );
  const liveId = idOf('call_live_a');
  house.live.set(liveId, {
    callId: liveId,
    agent: 'desk',
    startedAt: 1,
    phase: 'adrift',
    isProven: true,
    responseId: 0,
  });
  await house.context.records.saveReport(
    {
      callId: idOf('call_ended_a'),
      agent: { name: 'desk', version: '1' },
      startedAt: 1,
      endedAt: 2,
      reason: 'user_hangup',
      turns: 1,
      tools: [{ name: 'book', outcome: 'done' }],
      transcript: [{ role: 'user', content: 'private words' }],
    },
    signal,
  );
});

afterAll(async () => {
  await house.queue.close();
  await house.close();
});

const NUMBERS = { fromNumber: '+15550100', toNumber: '+15550199' };

/** One request of every route that succeeds: path parameters, query and body. */
const EXAMPLES: Readonly<Record<string, { readonly id?: string; readonly query?: string; readonly body?: object }>> = {
  placeCall: { body: { ...NUMBERS, agent: 'desk', variables: { a: 'b' }, metadata: { order: 1 } } },
  listCalls: { query: '?limit=10' },
  getCall: { id: 'call_ended_a', query: '?include=transcript' },
  endCall: { id: 'call_live_a' },
  sayInCall: { id: 'call_live_a', body: { text: 'Hello.', action: { kind: 'digits', digits: '1#' } } },
  listAgents: {},
  readConcurrency: {},
  listDeadJobs: {},
  getDeadJob: { id: DEAD },
  requeueJob: { id: DEAD },
  readStatus: {},
  readMetrics: {},
  readOpenApi: {},
  readDocs: {},
};

function urlOf({ path, name }: RestRoute): string {
  const { id = '', query = '' } = EXAMPLES[name] ?? {};
  return `${house.admin}${path.replace('{id}', id)}${query}`;
}

function request(route: RestRoute): Promise<Response> {
  const { body } = EXAMPLES[route.name] ?? {};
  return fetch(urlOf(route), { method: route.method, headers: KEY, ...(body && { body: JSON.stringify(body) }) });
}

describe('every route', () => {
  // Speaking comes before ending: the table's order would end the call first.
  const inOrder = [...REST_ROUTES].sort((a, b) => Number(a.name === 'endCall') - Number(b.name === 'endCall'));

  it.each(
    inOrder.map((route) => [route.name, route] as const),
  )('answers as it is documented: %s', async (name, route) => {
    expect(Object.keys(EXAMPLES)).toContain(name);
    const answer = await request(route);
    const { mediaType = 'application/json' } = route;
    expect(Object.keys(route.answers)).toContain(String(answer.status));
    expect(answer.headers.get('content-type')?.split(';')[0]).toBe(mediaType);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const body: unknown = mediaType === 'application/json' ? await answer.json() : await answer.text();
    // Parsing drops what is not described: nothing may be missing afterwards.
    expect(route.answer.parse(body)).toEqual(body);
  });

  it.each(
    REST_ROUTES.map((route) => [route.name, route] as const),
  )('says 405 and what there is: %s', async (_name, route) => {
    const answer = await fetch(urlOf(route), { method: 'PATCH', headers: KEY });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(answer.headers.get('allow')?.split(', ')).toContain(route.method);
    expect(await answer.json()).toMatchObject({ title: 'Method Not Allowed', status: 405 });
  });

  it.each(
    REST_ROUTES.filter(({ asks }) => 'body' in asks.shape).map((route) => [route.name, route] as const),
  )('refuses a body that is no JSON, or too large, as a problem: %s', async (_name, route) => {
    const send = async (body: string, headers: Readonly<Record<string, string>> = {}) => {
      const answer = await fetch(urlOf(route), { method: 'POST', body, headers: { ...KEY, ...headers } });
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
      const { code } = (await answer.json()) as { code?: string };
      return [answer.status, code];
    };
    expect(await send('{')).toEqual([400, 'api.not_json']);
    expect(await send('[]')).toEqual([400, 'api.bad_body']);
    expect(await send('{"__proto__":{"isAdmin":true}}')).toEqual([400, 'api.bad_body']);
    expect(await send('<a/>', { 'content-type': 'application/xml' })).toEqual([415, undefined]);
    expect(await send('{}', { 'content-encoding': 'gzip' })).toEqual([415, undefined]);
    expect(await send('x'.repeat(256 * 1024 + 1))).toEqual([413, undefined]);
  });
});

describe('the description', () => {
  const document = openApi(REST_ROUTES);

  it('has the routes that are served, and no others', async () => {
    const app = createHttp(silentLog);
    const served = new Set<string>();
    app.addHook('onRoute', ({ method, url }) => {
      const methods = [method].flat();
      // Those that only say 405 come together.
      if (methods.length === 1) served.add(`${methods[0]} ${url.replace(/:(\w+)/g, '{$1}')}`);
    });
    const { context, queue, metrics } = house;
    const figures = () => expect.fail('no figures are asked for');
    addRestRoutes(app, {
      context,
      queue,
      metrics,
      figures,
      dependencies: () => [],
      apiKeys: [],
      isAdmin: true,
      signal,
    });
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect([...served].sort()).toEqual(described.sort());
  });

  it('is served as it is made', async () => {
    const served = await (await fetch(`${house.admin}/api/openapi.json`)).json();
    expect(served).toEqual(JSON.parse(JSON.stringify(document)));
    expect(served).toMatchObject({ openapi: '3.1.0', security: [{ key: [] }] });
  });

  it('names every parameter of a path, gives each operation its own name, and refers only to what it has', () => {
    const text = JSON.stringify(document);
    const refs = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref));
    expect([...refs]).toEqual(['#/components/schemas/Problem']);
    expect(text).not.toContain('$schema');
    expect(new Set(REST_ROUTES.map(({ name }) => name)).size).toBe(REST_ROUTES.length);
    for (const [path, methods] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters } of Object.values(methods)) {
        const declared = (parameters as { name: string; in: string }[]).filter((one) => one.in === 'path');
        expect(declared.map(({ name }) => name)).toEqual(inPath);
      }
    }
  });

  it('says which parameters may be left out, and what they then are', () => {
    expect(document.paths['/api/v1/calls']?.get).toMatchObject({
      parameters: [
        { name: 'limit', in: 'query', required: false, schema: { type: 'integer', default: 50, maximum: 1_000 } },
        { name: 'before', in: 'query', required: false },
      ],
    });
    expect(document.paths['/api/v1/calls']?.post).toMatchObject({
      parameters: [{ name: 'idempotency-key', in: 'header', required: false }],
      requestBody: { content: { 'application/json': { schema: { required: ['fromNumber', 'toNumber'] } } } },
    });
  });

  it('gives each reason the status of its kind', () => {
    const page = readFileSync(new URL('../../../docs/faults.md', import.meta.url), 'utf8');
    const statusOf = new Map(
      listedReasons(page).map(({ reason, kind }) => [
        reason,
        Object.entries(FAULT_POLICY).find(([one]) => one === kind)?.[1].http,
      ]),
    );
    for (const { responses } of Object.values(document.paths).flatMap((methods) => Object.values(methods))) {
      for (const [status, { description }] of Object.entries(responses)) {
        if (!/^[45]/.test(status)) continue;
        for (const reason of description.split(', '))
          expect([reason, statusOf.get(reason)]).toEqual([reason, Number(status)]);
      }
    }
  });
});

function idOf(text: string): CallId {
  const callId = parseCallId(text);
  if (!callId) throw new Fault('bug', 'test.bad_id', text);
  return callId;
}

function retell(): CallControl {
  return {
    place: async () => ({ callId: idOf('call_placed_a'), status: 'registered', agentId: 'agent_1' }),
    fetch: async () => undefined,
    end: async () => {},
    findByMetadata: async () => undefined,
    ended: async () => [],
    concurrency: async () => ({ current: 3, limit: 20 }),
    agents: async () => [
      { id: 'agent_1', name: 'Desk' },
      { id: 'agent_2', name: 'Another' },
    ],
  };
}

/** One job that was set aside; the port's suites hold what becomes of real ones. */
function deadJobs() {
  const dead = {
    id: DEAD,
    kind: 'call.placed',
    payload: { callId: 'x' },
    attempt: 10,
    reason: 'hook.threw',
    failedAt: 5,
  };
  return {
    deadJobs: async () => [dead],
    deadJob: async (id: string) => (id === DEAD ? dead : undefined),
    requeue: async (id: string) => id === DEAD,
  };
}

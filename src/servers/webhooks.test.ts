import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { memoryRecords } from '../adapters/memory/records.ts';
import { defineAgent } from '../agent/agent.ts';
import type { ToolJob } from '../agent/tool-desk.ts';
import { tool } from '../agent/tools.ts';
import type { ToolOutcome } from '../call/call.ts';
import { systemClock } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import { openHouse, signed } from './house.fixture.ts';
import { dial } from './raw-peer.fixture.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const house of opened.splice(0)) await house.close();
});
const { signal } = new AbortController();

const desk = defineAgent({
  name: 'desk',
  greeting: 'Hello.',
  instructions: 'Be kind.',
  retellAgentIds: ['agent_desk'],
  variables: { house: 'Acme' },
  tools: {
    book: tool({ description: 'acts', parameters: z.object({}), effect: 'once', run: () => 'booked' }),
    look: tool({ description: 'reads', parameters: z.object({}), effect: 'safe', run: () => 'seen' }),
  },
});

async function given(
  overrides: Partial<Parameters<typeof openHouse>[0]> = {},
  options: Parameters<typeof openHouse>[1] = {},
) {
  const house = await openHouse(
    {
      agents: [desk],
      defaultAgent: desk,
      ...overrides,
    },
    options,
  );
  opened.push(house);
  return house;
}

const ENDED = JSON.stringify({
  event: 'call_ended',
  call: { call_id: 'call_1_aaaa', disconnection_reason: 'user_hangup', duration_ms: 1_200, transcript: 'User: secret' },
});
const GENERIC_401 = { type: 'about:blank', title: 'Unauthorized', status: 401 };

describe('lifecycle webhooks', () => {
  it.each(['/webhooks/retell', '/retell-webhook'])('are stored once at %s and answered 204', async (path) => {
    const house = await given();
    const answers = await Promise.all([house.post(path, ENDED), house.post(path, ENDED), house.post(path, ENDED)]);
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204]);
    expect(await answers[0]?.text()).toBe('');
    const facts = await house.context.records.pendingFacts(10, signal);
    expect(facts).toMatchObject([{ event: { type: 'call.reported', disconnectionReason: 'user_hangup' } }]);
    expect(house.done).toContain('prove call_1_aaaa');
    expect((await house.metrics.scrape()).text).toContain('offhook_webhooks_total{verdict="duplicate"} 2');
  });

  it('are taken whatever they are called, and from either key of a rotation', async () => {
    const { post } = await given();
    for (const event of ['call_started', 'call_analyzed', 'transfer_started', 'transcript_updated', 'call_new']) {
      const body = JSON.stringify({ event, call: { call_id: 'call_1_aaaa' } });
      expect((await post('/webhooks/retell', body, signed(body, 'key_two'))).status).toBe(204);
    }
    for (const body of ['{"event":"alert_triggered","alert":{}}', '{"event":"chat_ended","chat":{"chat_id":"c"}}']) {
      expect((await post('/webhooks/retell', body)).status).toBe(204);
    }
  });

  it('close the door to the id of a call that ended', async () => {
    const house = await given();
    await house.post('/webhooks/retell', ENDED);
    expect((await dial(house.port, '/llm-websocket/call_1_aaaa')).status).toBe(404);
    expect((await dial(house.port, '/llm-websocket/call_2_aaaa')).status).toBe(101);
  });

  it('are 401 without a word why when not signed, whatever they are', async () => {
    const house = await given();
    const digest = '0'.repeat(64);
    const now = systemClock.wall();
    const attempts: Record<string, string>[] = [
      {},
      { 'x-retell-signature': '' },
      { 'x-retell-signature': 'v=1,d=2' },
      { 'x-retell-signature': `v=${now},d=${digest}` },
      signed(`${ENDED} `),
      signed(ENDED, 'key_three'),
      signed(ENDED, ''),
      signed(ENDED, 'key_one', now - 301_000),
      signed(ENDED, 'key_one', now + 301_000),
    ];
    for (const headers of attempts) {
      for (const path of ['/webhooks/retell', '/webhooks/retell/inbound', '/functions/look', '/functions/nothing']) {
        const answer = await house.post(path, ENDED, headers);
        expect(answer.status).toBe(401);
        expect(await answer.json()).toEqual(GENERIC_401);
        expect([...answer.headers.keys()].sort()).toEqual([
          'cache-control',
          'connection',
          'content-length',
          'content-type',
          'date',
        ]);
      }
    }
    expect(await house.context.records.pendingFacts(10, signal)).toEqual([]);
    expect(house.done).toEqual([]);
  });

  it('are read as raw bytes: what is not valid UTF-8 or JSON is judged by its signature first', async () => {
    const { post } = await given();
    expect((await post('/webhooks/retell', '{', {})).status).toBe(401);
    const answer = await post('/webhooks/retell', '{');
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ status: 400, code: 'webhook.not_json' });
  });

  it('may weigh ten MiB, and no more', async () => {
    const { post } = await given();
    const call = { call_id: 'call_1_aaaa', transcript: '' };
    const size = 10 * 1024 * 1024 - JSON.stringify({ event: 'call_analyzed', call }).length;
    const body = JSON.stringify({ event: 'call_analyzed', call: { ...call, transcript: 'x'.repeat(size) } });
    expect(body.length).toBe(10 * 1024 * 1024);
    expect((await post('/webhooks/retell', body)).status).toBe(204);
    const answer = await post('/webhooks/retell', `${body} `);
    expect(answer.status).toBe(413);
    expect(await answer.json()).toEqual({ type: 'about:blank', title: 'Payload Too Large', status: 413 });
  });

  it('are 503 when they could not be stored, and then nothing is lost', async () => {
    const records = memoryRecords();
    let isDown = true;
    const acceptWebhook: typeof records.acceptWebhook = (...given) =>
      isDown
        ? Promise.reject(new Fault('bug', 'records.thread_lost', 'internal detail'))
        : records.acceptWebhook(...given);
    const { post } = await given({ records: { ...records, acceptWebhook } });
    const answer = await post('/webhooks/retell', ENDED);
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain('internal detail');
    isDown = false;
    expect((await post('/webhooks/retell', ENDED)).status).toBe(204);
    expect(await records.pendingFacts(10, signal)).toHaveLength(1);
  });

  it('leave no words in the log, whatever becomes of them', async () => {
    const house = await given({
      records: { ...memoryRecords(), acceptWebhook: () => Promise.reject(new Error('secret')) },
    });
    await house.post('/webhooks/retell', ENDED);
    await house.post('/webhooks/retell', ENDED, {});
    await house.post('/webhooks/retell', '{"secret":');
    expect(house.logged.join('\n')).not.toContain('secret');
  });
});

describe('inbound requests', () => {
  const asks = (fields: object) => JSON.stringify({ event: 'call_inbound', call_inbound: fields });

  it('are answered with an agent and its variables', async () => {
    const { post, done } = await given();
    const answer = await post('/webhooks/retell/inbound', asks({ from_number: '+1', call_id: 'call_1_aaaa' }));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      call_inbound: { override_agent_id: 'agent_desk', dynamic_variables: { house: 'Acme' } },
    });
    expect(done).toEqual(['prove call_1_aaaa']);
  });

  it('are rejected at capacity', async () => {
    const house = await given({ maxCalls: 1 });
    await house.context.leases.acquire('x', 1, 60_000, signal);
    const answer = await house.post('/webhooks/retell/inbound', asks({}));
    expect(await answer.json()).toEqual({ call_inbound: { reject: true } });
  });

  it('of chats are answered under their own key', async () => {
    const { post } = await given();
    const answer = await post('/webhooks/retell/inbound', '{"event":"chat_inbound","chat_inbound":{"agent_id":"a"}}');
    expect(await answer.json()).toEqual({ chat_inbound: { dynamic_variables: { house: 'Acme' } } });
  });
});

describe('custom functions', () => {
  async function withDesk(outcome: ToolOutcome) {
    const jobs: ToolJob[] = [];
    const run = async (job: ToolJob) => {
      jobs.push(job);
      return outcome;
    };
    return { jobs, ...(await given({}, { desk: { run } })) };
  }
  const BODY = JSON.stringify({
    name: 'book',
    args: { people: 2 },
    call: { call_id: 'call_1_aaaa', agent_id: 'agent_desk', retell_llm_dynamic_variables: { name: 'Ida', n: 1 } },
  });

  it.each(['POST', 'PUT', 'PATCH'])('run the tool by %s, proven by their signature', async (method) => {
    const { base, jobs } = await withDesk({ kind: 'done', content: '{"ref":"A1"}' });
    const answer = await fetch(`${base}/functions/book`, { method, body: BODY, headers: signed(BODY) });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await answer.json()).toEqual({ ref: 'A1' });
    expect(jobs).toMatchObject([
      {
        callId: 'call_1_aaaa',
        name: 'book',
        arguments: '{"people":2}',
        request: 0,
        isProven: true,
        granted: [],
        variables: { house: 'Acme', name: 'Ida' },
      },
    ]);
  });

  it.each(['GET', 'DELETE'])('by %s sign the empty string, so their arguments prove nothing', async (method) => {
    const { base, jobs } = await withDesk({ kind: 'done', content: 'seen' });
    const url = `${base}/functions/look?q=x&call_id=call_1_aaaa`;
    const answer = await fetch(url, { method, headers: signed('') });
    expect(await answer.text()).toBe('seen');
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(jobs).toMatchObject([{ callId: 'call_1_aaaa', arguments: '{"q":"x"}', isProven: false }]);
    expect((await fetch(url, { method, headers: signed('x') })).status).toBe(401);
  });

  it('tell the model what failed and what nobody knows', async () => {
    const failing = await withDesk({ kind: 'failed', content: 'that table is taken' });
    expect(await (await failing.post('/functions/book', BODY)).text()).toBe('that table is taken');
    const unsure = await withDesk({ kind: 'unknown' });
    expect(await (await unsure.post('/functions/book', BODY)).json()).toMatchObject({ outcome: 'unknown' });
  });

  it('are 404 for a tool nobody has, with its name for whoever signed', async () => {
    const { post } = await given();
    const answer = await post('/functions/nothing', BODY.replace('"book"', '"nothing"'));
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'function.unknown_tool', fixes: ['use one of: book, look'] });
  });

  it('are refused where the signed body names another tool than the path', async () => {
    const { post, jobs } = await withDesk({ kind: 'done', content: 'seen' });
    const answer = await post('/functions/look', BODY);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'function.name_mismatch' });
    expect(jobs).toEqual([]);
  });

  it('want the call where the tool acts', async () => {
    const { post } = await given();
    expect(await (await post('/functions/book', '{"people":2}')).json()).toMatchObject({ code: 'function.no_call' });
    expect((await post('/functions/look', '{"q":"x"}')).status).toBe(200);
  });
});

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_SWITCHES } from '../../src/simulator/switches.ts';
import { openSender, type WebhookSender } from '../../src/simulator/webhooks.ts';
import { systemClock } from '../../src/std/clock.ts';
import { startHouse, type TestHouse } from './house.ts';
import { dial, type Phone } from './phone.ts';

let house: TestHouse;
let phone: Phone;
let sender: WebhookSender;
const { signal } = new AbortController();

beforeEach(async () => {
  house = await startHouse();
  phone = dial(house.url);
  const key = readFileSync(join(house.dataDir, 'data', 'webhook-key'), 'utf8').trim();
  sender = openSender({ target: { baseUrl: house.url }, key, clock: systemClock, switches: DEFAULT_SWITCHES });
  await phone.answerTo(0);
});

afterEach(async () => {
  phone.hangUp();
  await sender.close();
  await house.close();
});

const found = async (path = '') => {
  const response = await fetch(`${house.adminUrl}/api/v1/calls/${phone.line.callId}${path}`);
  return response.json() as Promise<Record<string, unknown>>;
};

const account = () => ({
  callId: phone.line.callId,
  agentId: 'agent_obedient',
  startedAt: Date.now() - 10_000,
  endedAt: Date.now(),
  disconnectionReason: 'user_hangup',
  transcript: phone.line.transcript(),
});

describe('call_ended', () => {
  it('ends the call, archives it with its words, and frees its slot', async () => {
    await phone.ask('tool book {"time":"8pm"}');
    expect(await found()).toMatchObject({ state: 'live' });
    expect((await sender.lifecycle('call_ended', account(), signal)).answer?.status).toBe(204);
    await expect
      .poll(() => found(), { timeout: 5_000 })
      .toMatchObject({ state: 'ended', reason: 'user_hangup', turns: 1 });
    expect(await found('?include=transcript')).toMatchObject({ tools: [{ name: 'book', outcome: 'done' }] });
    const status = await (await fetch(`${house.adminUrl}/api/v1/status`)).json();
    expect(status).toMatchObject({ active: 0 });
  });

  it('delivered twice, and before call_started, changes nothing the second time', async () => {
    for (const event of ['call_ended', 'call_started', 'call_ended', 'call_analyzed'] as const) {
      expect((await sender.lifecycle(event, account(), signal)).answer?.status).toBe(204);
    }
    await expect.poll(() => found(), { timeout: 5_000 }).toMatchObject({ state: 'ended' });
    const response = await fetch(`${house.adminUrl}/api/v1/calls`);
    const { calls } = (await response.json()) as { readonly calls: readonly { readonly callId: string }[] };
    expect(calls.filter(({ callId }) => callId === phone.line.callId)).toHaveLength(1);
  });

  it('survives kill -9 right after it was accepted', async () => {
    await phone.ask('hello');
    await sender.lifecycle('call_ended', account(), signal);
    await house.kill();
    await house.start();
    await expect.poll(() => found(), { timeout: 10_000 }).toMatchObject({ state: 'ended', reason: 'user_hangup' });
  });

  it('closes the id for good: a socket that comes after it is refused', async () => {
    await sender.lifecycle('call_ended', account(), signal);
    const late = dial(house.url, { callId: phone.line.callId, switches: { retryRefusedUpgrade: 'no' } });
    expect((await late.until('over')).reason).toBe('error_llm_websocket_open');
  });
});

describe('an unsigned webhook', () => {
  it('is 401, and nothing of it is kept', async () => {
    const body = JSON.stringify({ event: 'call_ended', call: { call_id: phone.line.callId } });
    const response = await fetch(`${house.url}/webhooks/retell`, { method: 'POST', body });
    expect(response.status).toBe(401);
    expect(await found()).toMatchObject({ state: 'live' });
  });
});

describe('a hostile peer', () => {
  it('ends neither the process nor a call that goes on beside it', async () => {
    for (const bytes of [
      'GET / HTTP/9.9\r\n\r\n',
      '\u0000\u0001\u0002',
      'POST /webhooks/retell HTTP/1.1\r\ncontent-length: -1\r\n\r\n',
    ]) {
      const socket = connect(Number(new URL(house.url).port), '127.0.0.1');
      socket.on('error', () => {}); // being cut off is what we want
      socket.resume().end(bytes);
      await new Promise((resolve) => socket.once('close', resolve));
    }
    const bad = new WebSocket(`${house.url.replace('http', 'ws')}/llm-websocket/call_hostile_0001`);
    await new Promise((resolve) => bad.addEventListener('open', resolve));
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    for (const text of [
      '{',
      'null',
      '[]',
      '{"interaction_type":7}',
      deep,
      '{"__proto__":{"x":1},"interaction_type":"update_only"}',
    ]) {
      bad.send(text);
    }
    bad.send('{"interaction_type":"response_required","response_id":1e309,"transcript":[]}');
    bad.send(new Uint8Array([1, 2, 3]));
    bad.send(`{"interaction_type":"update_only","transcript":"${'x'.repeat(9 * 1024 * 1024)}"}`);
    const closed = await new Promise<CloseEvent>((resolve) => bad.addEventListener('close', resolve));
    expect(closed.code).toBe(1006);
    expect(await phone.ask('hello')).toContain('You said hello.');
    expect(house.output()).not.toContain('hello');
  });
});

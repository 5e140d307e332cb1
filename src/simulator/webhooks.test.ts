import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { verifySignature } from '../retell/signature.ts';
import { systemClock } from '../std/clock.ts';
import { type SampleServer, startSampleServer } from './stubs/sample-server.fixture.ts';
import { DEFAULT_SWITCHES, type Switches } from './switches.ts';
import { openSender, type WebhookSender } from './webhooks.ts';

const KEY = 'key_for_tests';
const CALL = {
  callId: 'call_hooked',
  agentId: 'agent_1',
  startedAt: 1_000,
  endedAt: 61_000,
  disconnectionReason: 'user_hangup',
  transcript: [
    { role: 'agent', content: 'Hello.' },
    { role: 'user', content: 'Bye.' },
  ],
};

interface Received {
  readonly path: string;
  readonly signature: string | undefined;
  readonly raw: string;
  readonly body: Readonly<Record<string, unknown>>;
}

let server: SampleServer | undefined;
let sender: WebhookSender | undefined;
afterEach(async () => {
  await sender?.close();
  await server?.close();
});

async function setUp(
  answer: (response: ServerResponse, attempt: number) => void = (response) => response.writeHead(204).end(),
  switches: Partial<Switches> = {},
  options: { readonly key?: string; readonly timeoutMs?: number } = { key: KEY },
) {
  const received: Received[] = [];
  const started = await startSampleServer({
    onRequest: (request, raw, response) => {
      const signature = request.headers['x-retell-signature'];
      received.push({
        path: request.url ?? '',
        signature: typeof signature === 'string' ? signature : undefined,
        raw,
        body: JSON.parse(raw),
      });
      answer(response, received.length);
    },
  });
  const opened = openSender({
    target: { baseUrl: started.url },
    key: options.key,
    clock: systemClock,
    switches: { ...DEFAULT_SWITCHES, ...switches },
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
  });
  server = started;
  sender = opened;
  return { sender: opened, received, signal: AbortSignal.timeout(5_000) };
}

describe('the webhook sender', () => {
  it('signs the bytes it sends', async () => {
    const { sender, received, signal } = await setUp();
    expect(await sender.lifecycle('call_ended', CALL, signal)).toMatchObject({ isAccepted: true, attempts: 1 });
    const [{ raw, signature, path }] = received as [Received];
    expect(path).toBe('/webhooks/retell');
    expect(verifySignature(Buffer.from(raw), signature, [KEY], systemClock.wall())).toBe('valid');
  });

  it('sends the call as Retell would, with its stale status', async () => {
    const { sender, received, signal } = await setUp();
    await sender.lifecycle('call_analyzed', CALL, signal);
    expect(received[0]?.body).toMatchObject({
      event: 'call_analyzed',
      call: {
        call_id: 'call_hooked',
        call_status: 'registered',
        duration_ms: 60_000,
        disconnection_reason: 'user_hangup',
        transcript: 'Agent: Hello.\nUser: Bye.\n',
        call_analysis: { call_successful: true },
      },
    });
  });

  it('goes unsigned without a key', async () => {
    const { sender, received, signal } = await setUp(undefined, {}, {});
    await sender.lifecycle('call_started', CALL, signal);
    expect(received[0]?.signature).toBeUndefined();
  });

  it('delivers again until it is accepted', async () => {
    const { sender, signal } = await setUp((response, attempt) => response.writeHead(attempt < 3 ? 503 : 204).end());
    expect(await sender.lifecycle('call_ended', CALL, signal)).toMatchObject({ isAccepted: true, attempts: 3 });
  });

  it.each([
    ['3', 3],
    ['4', 4],
  ] as const)('gives up after as many attempts as the switch says: %s', async (webhookAttempts, attempts) => {
    const { sender, signal } = await setUp((response) => response.writeHead(500).end(), { webhookAttempts });
    expect(await sender.lifecycle('call_ended', CALL, signal)).toMatchObject({
      isAccepted: false,
      attempts,
      answer: { status: 500 },
    });
  });

  it('waits a second between deliveries in the position that doubles', async () => {
    const { sender, signal } = await setUp((response, attempt) => response.writeHead(attempt < 2 ? 500 : 204).end(), {
      webhookSpacing: 'doubling',
    });
    const startedAt = systemClock.now();
    await sender.lifecycle('call_ended', CALL, signal);
    expect(systemClock.now() - startedAt).toBeGreaterThanOrEqual(990);
  });

  it('takes silence for a failed delivery', async () => {
    const { sender, signal } = await setUp(() => {}, {}, { key: KEY, timeoutMs: 20 });
    expect(await sender.lifecycle('call_ended', CALL, signal)).toMatchObject({
      isAccepted: false,
      attempts: 3,
      answer: undefined,
    });
  });

  it('stops when the signal aborts', async () => {
    const { sender } = await setUp(() => {});
    const reason = new Error('enough');
    const controller = new AbortController();
    const sending = sender.lifecycle('call_ended', CALL, controller.signal);
    controller.abort(reason);
    await expect(sending).rejects.toThrow();
  });

  it.each([
    ['same', 'call_hooked'],
    ['absent', undefined],
  ] as const)('brings the call id in call_inbound or not, as the switch says: %s', async (inboundCallId, callId) => {
    const { sender, received, signal } = await setUp(
      (response) => response.writeHead(200).end('{"call_inbound":{"reject":true}}'),
      { inboundCallId },
    );
    const inbound = { fromNumber: '+15550100', toNumber: '+15550199', agentId: 'agent_1', callId: 'call_hooked' };
    const delivery = await sender.inbound(inbound, signal);
    expect(received[0]).toMatchObject({ path: '/webhooks/retell/inbound', body: { event: 'call_inbound' } });
    expect((received[0]?.body.call_inbound as { call_id?: string }).call_id).toBe(callId);
    expect(delivery.answer).toEqual({ status: 200, body: '{"call_inbound":{"reject":true}}' });
  });

  it('runs a function once, whatever the answer', async () => {
    const { sender, received, signal } = await setUp((response) => response.writeHead(500).end('no'));
    const delivery = await sender.callFunction('book', { people: 2 }, CALL, signal);
    expect(received).toMatchObject([{ path: '/functions/book', body: { name: 'book', args: { people: 2 } } }]);
    expect(delivery).toMatchObject({ isAccepted: false, attempts: 1, answer: { status: 500, body: 'no' } });
  });
});

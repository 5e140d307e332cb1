import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ReadableStream } from 'node:stream/web';
import { inspect } from 'node:util';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { afterEach, describe, expect, it } from 'vitest';
import type { LanguageModel, ModelChunk, ModelRequest } from '../../ports/language-model.ts';
import { Fault } from '../../std/fault.ts';
import { type AiSdkCall, type AiSdkModel, aiSdk } from './ai-sdk.ts';

const KEY = 'sk-very-secret';
const SECRET = 'my card is 4242';
const request: ModelRequest = {
  messages: [{ role: 'user', content: SECRET }],
  tools: [{ name: 'book', description: 'Books.', parameters: { type: 'object' } }],
};
const idle = new AbortController().signal;
const superseded = new Fault('cancelled', 'turn.superseded', 'expected words, a newer ask came');

async function read(model: LanguageModel, signal = idle) {
  const chunks: ModelChunk[] = [];
  let fault: Fault | undefined;
  try {
    for await (const chunk of model.stream(request, signal)) chunks.push(chunk);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    fault = error;
  }
  return { chunks, fault };
}

describe('a model object made by hand', () => {
  const finish = { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' } };

  function handMade(parts: readonly object[], specificationVersion: AiSdkModel['specificationVersion'] = 'v4') {
    const calls: AiSdkCall[] = [];
    const made: AiSdkModel = {
      specificationVersion,
      provider: 'hand',
      modelId: 'made',
      doStream: async (options) => {
        calls.push(options);
        return { stream: ReadableStream.from(parts.map((part) => ({ type: '', ...part }))) };
      },
    };
    return { model: aiSdk(made), calls };
  }

  const words = { type: 'text-delta', id: '1', delta: 'Good day.' };

  it('streams words and whole tool calls, with a sign of life for each piece of one', async () => {
    const { model } = handMade([
      { type: 'stream-start', warnings: [] },
      { type: 'text-start', id: '1' },
      words,
      { type: 'text-end', id: '1' },
      { type: 'reasoning-delta', id: '2', delta: 'hm' },
      { type: 'tool-input-start', id: 'call_1', toolName: 'book' },
      { type: 'tool-input-delta', id: 'call_1', delta: '{}' },
      { type: 'tool-call', toolCallId: 'call_1', toolName: 'book', input: '{"guests":2}' },
      { type: 'tool-call', toolCallId: 'call_2', toolName: 'search', input: '{}', providerExecuted: true },
      { type: 'of a later version' },
      finish,
    ]);
    expect(await read(model)).toEqual({
      chunks: [
        { kind: 'text', text: 'Good day.' },
        { kind: 'text', text: '' },
        { kind: 'text', text: '' },
        { kind: 'toolCall', call: { id: 'call_1', name: 'book', arguments: '{"guests":2}' } },
        { kind: 'end' },
      ],
      fault: undefined,
    });
    expect(model.name).toBe('hand/made');
  });

  it('passes the conversation, the tools and the signal on, and no tools where there are none', async () => {
    const { model, calls } = handMade([finish]);
    await read(model);
    expect(calls[0]).toEqual({
      prompt: [{ role: 'user', content: [{ type: 'text', text: SECRET }] }],
      tools: [{ type: 'function', name: 'book', description: 'Books.', inputSchema: { type: 'object' } }],
      abortSignal: idle,
    });
    for await (const chunk of model.stream({ messages: [], tools: [] }, idle)) expect(chunk.kind).toBe('end');
    expect(calls[1]).not.toHaveProperty('tools');
  });

  it.each([
    ['v2', 'stop'],
    ['v3', { unified: 'stop', raw: undefined }],
    ['v4', { unified: 'other', raw: 'the provider said so' }],
  ] as const)('understands how version %s finishes', async (version, finishReason) => {
    const { model } = handMade([words, { type: 'finish', finishReason }], version);
    expect((await read(model)).chunks.at(-1)).toEqual({ kind: 'end' });
  });

  it.each([
    ['has no finish', []],
    ['finishes with the placeholder of version 2', [{ type: 'finish', finishReason: 'unknown' }]],
    ['finishes with the placeholder of later versions', [{ type: 'finish', finishReason: { unified: 'other' } }]],
  ])('calls a stream cut that %s', async (_, last) => {
    const { model } = handMade([words, ...last]);
    const { chunks, fault } = await read(model);
    expect(fault).toMatchObject({ kind: 'unavailable', reason: 'model.stream_cut' });
    expect(chunks).toHaveLength(1);
  });

  it.each([
    ['an error of the provider', new Error(SECRET), 'model.stream_failed'],
    ['text that is no JSON', Object.assign(new Error(SECRET), { name: 'AI_JSONParseError' }), 'model.stream_malformed'],
  ])('faults on %s amid the stream, and does not repeat it', async (_, error, reason) => {
    const { fault } = await read(handMade([words, { type: 'error', error }]).model);
    expect(fault?.reason).toBe(reason);
    expect(inspect(fault, { depth: 20 })).not.toContain(SECRET);
  });

  it('faults when doStream throws what nobody knows', async () => {
    const made: AiSdkModel = {
      specificationVersion: 'v4',
      provider: 'hand',
      modelId: 'made',
      doStream: () => Promise.reject(new RangeError(SECRET)),
    };
    const { fault } = await read(aiSdk(made));
    expect(fault).toMatchObject({ reason: 'model.provider_failed', detail: { error: 'RangeError' } });
    expect(inspect(fault, { depth: 20 })).not.toContain(SECRET);
  });

  it('lets go of a model that ignores its signal, and tells its stream so', async () => {
    const begun = Promise.withResolvers<void>();
    const cancelled = Promise.withResolvers<void>();
    const stream = new ReadableStream<{ type: string }>({
      start: () => begun.resolve(),
      cancel: () => cancelled.resolve(),
    });
    const made: AiSdkModel = {
      specificationVersion: 'v4',
      provider: 'hand',
      modelId: 'made',
      doStream: async () => ({ stream }),
    };
    const controller = new AbortController();
    const reading = read(aiSdk(made), controller.signal);
    await begun.promise;
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort(superseded);
    expect((await reading).fault).toBe(superseded);
    await cancelled.promise;
  });

  it('refuses a string, which would go to a gateway', () => {
    const given: unknown = 'openai/gpt-4.1-mini';
    expect(() => aiSdk(given as AiSdkModel)).toThrow(
      expect.objectContaining({ kind: 'invalid', reason: 'model.string_refused' }),
    );
  });

  it.each([
    undefined,
    {},
    { specificationVersion: 'v1', doStream() {} },
    { specificationVersion: 'v4' },
  ])('refuses %j, which is no model of a known version', (given: unknown) => {
    expect(() => aiSdk(given as AiSdkModel)).toThrow(
      expect.objectContaining({ kind: 'invalid', reason: 'model.spec_unsupported' }),
    );
  });
});

describe('a provider of the AI SDK over HTTP', () => {
  let server: Server | undefined;

  afterEach(async () => {
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    server = undefined;
  });

  async function provider(listener: RequestListener) {
    server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    return aiSdk(createOpenAICompatible({ name: 'stub', baseURL, apiKey: KEY })('small'));
  }

  const event = (delta: object, finish: string | null = null) =>
    `data: ${JSON.stringify({ id: 'x', created: 1, model: 'small', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const begin = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' });

  it('streams words and a tool call put together from pieces', async () => {
    const model = await provider((_, response) => {
      const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'book', arguments: '{"gue' } };
      begin(response).write(event({ role: 'assistant', content: 'One moment. ' }));
      response.write(event({ tool_calls: [call] }));
      response.write(event({ tool_calls: [{ index: 0, function: { arguments: 'sts":2}' } }] }));
      response.end(`${event({}, 'tool_calls')}data: [DONE]\n\n`);
    });
    const { chunks, fault } = await read(model);
    expect(fault).toBeUndefined();
    expect(chunks.filter((chunk) => chunk.kind !== 'text' || chunk.text !== '')).toEqual([
      { kind: 'text', text: 'One moment. ' },
      { kind: 'toolCall', call: { id: 'call_1', name: 'book', arguments: '{"guests":2}' } },
      { kind: 'end' },
    ]);
    expect(model.name).toBe('stub.chat/small');
  });

  it.each([
    [401, 'unauthenticated', 'model.key_refused'],
    [404, 'not_found', 'model.not_found'],
    [429, 'exhausted', 'model.rate_limited'],
    [500, 'unavailable', 'model.unavailable'],
  ])('faults on status %i as %s, %s, asks once, and repeats nothing of it', async (status, kind, reason) => {
    let requests = 0;
    const model = await provider((_, response) => {
      requests++;
      response.writeHead(status, { 'content-type': 'application/json', 'Retry-After': '2' });
      response.end(JSON.stringify({ error: { message: `${SECRET} ${KEY}` } }));
    });
    const { fault } = await read(model);
    expect(fault).toMatchObject({ kind, reason });
    if (status === 429) expect(fault?.detail.retryAfterMs).toBe(2_000);
    expect(inspect(fault, { depth: 20 })).not.toMatch(new RegExp(`${SECRET}|${KEY}`));
    expect(requests).toBe(1);
  });

  it('faults when nobody listens', async () => {
    const model = await provider(() => {});
    server?.close();
    const { fault } = await read(model);
    expect(fault).toMatchObject({ reason: 'model.unreachable', detail: { code: 'ECONNREFUSED' } });
    expect(inspect(fault, { depth: 20 })).not.toMatch(new RegExp(`${SECRET}|${KEY}`));
  });

  it.each([
    ['reset', (response: ServerResponse) => response.socket?.resetAndDestroy()],
    ['ended without a finish', (response: ServerResponse) => response.end()],
  ])('calls a stream cut that is %s after words', async (_, cut) => {
    const model = await provider((_, response) => {
      begin(response).write(event({ content: 'Good ' }), () => setImmediate(() => cut(response)));
    });
    expect((await read(model)).fault).toMatchObject({ kind: 'unavailable', reason: 'model.stream_cut' });
  });

  it('faults on a line that is no JSON', async () => {
    const model = await provider((_, response) => begin(response).end(`data: ${SECRET}\n\n`));
    const { fault } = await read(model);
    expect(fault?.reason).toBe('model.stream_malformed');
    expect(inspect(fault, { depth: 20 })).not.toContain(SECRET);
  });

  it('frees the socket when the signal aborts', async () => {
    const closed = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const model = await provider((incoming, response) => {
      incoming.socket.on('close', () => closed.resolve());
      begin(response).write(event({ content: 'Good ' }), () => reached.resolve());
    });
    const controller = new AbortController();
    const reading = read(model, controller.signal);
    await reached.promise;
    controller.abort(superseded);
    expect((await reading).fault).toBe(superseded);
    await closed.promise;
  });
});

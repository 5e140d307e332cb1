import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { LanguageModel, ModelChunk, ModelRequest } from '../../ports/language-model.ts';
import { systemClock } from '../../std/clock.ts';
import { Fault } from '../../std/fault.ts';
import { openAiCompatible } from './openai-compatible.ts';

const KEY = 'sk-very-secret';
const SECRET = 'my card is 4242';
const request: ModelRequest = { messages: [{ role: 'user', content: SECRET }], tools: [] };
const idle = new AbortController().signal;
const superseded = new Fault('cancelled', 'turn.superseded', 'expected words, a newer ask came');

const open: { readonly server: Server; readonly sockets: Set<Socket> }[] = [];

afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
});

async function listen(server: Server) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  open.push({ server, sockets });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, sockets };
}

/** A provider on a free port, and the model that speaks to it. */
async function provider(listener: RequestListener) {
  const { port, sockets } = await listen(createServer(listener));
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  return { sockets, model: openAiCompatible({ baseUrl, apiKey: KEY, model: 'small' }) };
}

const word = (content: string) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
const DONE = 'data: [DONE]\n\n';
const begin = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' });

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

async function bodyOf(incoming: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const piece of incoming) text += piece;
  return JSON.parse(text);
}

/** Waits, for at most `deadlineMs`, until the server has no socket left; says how long it took. */
async function untilFreed(sockets: Set<Socket>, deadlineMs = 2_000): Promise<number> {
  const startedAt = systemClock.now();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = systemClock.after(deadlineMs, () => reject(new Error(`${sockets.size} sockets still open`)));
  const onClose = () => sockets.size === 0 && resolve();
  for (const socket of sockets) socket.on('close', onClose);
  onClose();
  await promise.finally(cancel);
  return systemClock.now() - startedAt;
}

describe('the request', () => {
  it('is a streamed chat completion with the whole conversation and the tools', async () => {
    let seen: unknown;
    const { model } = await provider(async (incoming, response) => {
      const { method, url, headers } = incoming;
      seen = { method, url, key: headers.authorization, body: await bodyOf(incoming) };
      begin(response).end(DONE);
    });
    const tool = { name: 'book', description: 'Books.', parameters: { type: 'object' } };
    const stream = model.stream(
      {
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: 'A table, please.' },
          { role: 'assistant', content: '', toolCalls: [{ id: 'call_1', name: 'book', arguments: '{}' }] },
          { role: 'tool', toolCallId: 'call_1', content: 'booked' },
          { role: 'assistant', content: 'Done.' },
        ],
        tools: [tool],
      },
      idle,
    );
    for await (const chunk of stream) expect(chunk).toEqual({ kind: 'end' });
    const call = { id: 'call_1', type: 'function', function: { name: 'book', arguments: '{}' } };
    expect(seen).toEqual({
      method: 'POST',
      url: '/v1/chat/completions',
      key: `Bearer ${KEY}`,
      body: {
        model: 'small',
        stream: true,
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: 'A table, please.' },
          { role: 'assistant', content: null, tool_calls: [call] },
          { role: 'tool', tool_call_id: 'call_1', content: 'booked' },
          { role: 'assistant', content: 'Done.' },
        ],
        tools: [{ type: 'function', function: tool }],
      },
    });
  });

  it('carries extra headers and no key where there is none', async () => {
    let seen: IncomingMessage['headers'] = {};
    const { port } = await listen(
      createServer((incoming, response) => {
        seen = incoming.headers;
        begin(response).end(DONE);
      }),
    );
    const headers = { 'x-team': 'voice' };
    await read(openAiCompatible({ baseUrl: `http://127.0.0.1:${port}/v1/`, model: 'small', headers }));
    expect(seen['x-team']).toBe('voice');
    expect(seen.authorization).toBeUndefined();
  });

  it.each([
    ['https://api.openai.com/v1', 'openai/small'],
    ['https://openrouter.ai/api/v1', 'openrouter/small'],
    ['http://127.0.0.1:9/v1', '127.0.0.1/small'],
    ['http://localhost:9/v1', 'localhost/small'],
  ])('names the model after %s', (baseUrl, name) => {
    expect(openAiCompatible({ baseUrl, model: 'small' }).name).toBe(name);
  });

  it.each(['api.openai.com/v1', '', 'ftp://host/v1'])('refuses the base URL %j', (baseUrl) => {
    expect(() => openAiCompatible({ baseUrl, model: 'small' })).toThrow(
      expect.objectContaining({ kind: 'invalid', reason: 'model.bad_base_url' }),
    );
  });

  it('takes a key with a line break after it, and refuses one with a line break in it', () => {
    const baseUrl = 'https://api.openai.com/v1';
    openAiCompatible({ baseUrl, model: 'small', apiKey: 'sk-good\n' });
    expect(() => openAiCompatible({ baseUrl, model: 'small', apiKey: 'sk-\nbad' })).toThrow(
      expect.objectContaining({ kind: 'invalid', reason: 'model.bad_key' }),
    );
  });
});

describe('answers that are none', () => {
  it('waits for the answer behind a hint', async () => {
    const { model } = await provider((_, response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' });
      begin(response).end(word('Hi.') + DONE);
    });
    expect((await read(model)).chunks).toEqual([{ kind: 'text', text: 'Hi.' }, { kind: 'end' }]);
  });

  it.each([
    [400, 'invalid', 'model.request_refused'],
    [401, 'unauthenticated', 'model.key_refused'],
    [402, 'exhausted', 'model.payment_required'],
    [403, 'unauthenticated', 'model.key_refused'],
    [404, 'not_found', 'model.not_found'],
    [408, 'unavailable', 'model.unavailable'],
    [429, 'exhausted', 'model.rate_limited'],
    [500, 'unavailable', 'model.unavailable'],
    [503, 'unavailable', 'model.unavailable'],
    [302, 'unavailable', 'model.bad_response'],
  ])('faults on status %i as %s, %s, without the body or the key', async (status, kind, reason) => {
    const { model } = await provider((_, response) => {
      response.writeHead(status, { 'content-type': 'application/json', location: '/' });
      response.end(JSON.stringify({ error: { message: `${SECRET} ${KEY}` } }));
    });
    const { fault, chunks } = await read(model);
    expect(fault).toMatchObject({ kind, reason, detail: { model: '127.0.0.1/small', status } });
    expect(chunks).toEqual([]);
    expect(inspect(fault, { depth: 20 })).not.toMatch(new RegExp(`${SECRET}|${KEY}`));
  });

  it('frees the socket of an error page without end', async () => {
    const { model, sockets } = await provider((_, response) => response.writeHead(500).write(SECRET));
    expect((await read(model)).fault?.reason).toBe('model.unavailable');
    expect(await untilFreed(sockets)).toBeLessThan(1_000);
  });

  it.each([
    [{ 'retry-after': '3' }, 3_000],
    [{ 'retry-after-ms': '250', 'retry-after': '3' }, 250],
    [{}, undefined],
  ])('tells from %j how long a limit lasts', async (headers, retryAfterMs) => {
    const { model } = await provider((_, response) => response.writeHead(429, headers).end());
    expect((await read(model)).fault?.detail.retryAfterMs).toBe(retryAfterMs);
  });

  it.each(['text/html; charset=utf-8', 'application/json'])('faults on a page of %s', async (contentType) => {
    const { model } = await provider((_, response) => {
      response.writeHead(200, { 'content-type': contentType }).end(`<html>${SECRET}</html>`);
    });
    const { fault } = await read(model);
    expect(fault).toMatchObject({ kind: 'unavailable', reason: 'model.bad_response' });
    expect(inspect(fault, { depth: 20 })).not.toContain(SECRET);
  });

  it('faults on an HTML page that claims no type', async () => {
    const { model } = await provider((_, response) => response.end(`<html>${SECRET}</html>`));
    expect((await read(model)).fault?.reason).toBe('model.bad_response');
  });
});

describe('connections that fail', () => {
  const speakTo = (port: number, scheme = 'http') =>
    openAiCompatible({ baseUrl: `${scheme}://127.0.0.1:${port}/v1`, apiKey: KEY, model: 'small' });

  it('faults when nobody listens', async () => {
    const server = createTcpServer();
    const { port } = await listen(server);
    open.pop();
    server.close();
    await once(server, 'close');
    const { fault } = await read(speakTo(port));
    expect(fault).toMatchObject({ kind: 'unavailable', reason: 'model.unreachable', detail: { code: 'ECONNREFUSED' } });
    expect(inspect(fault, { depth: 20 })).not.toMatch(new RegExp(`${SECRET}|${KEY}`));
  });

  it('faults when the name is of no host', async () => {
    const model = openAiCompatible({ baseUrl: 'http://no-such-host.invalid/v1', model: 'small' });
    expect((await read(model)).fault?.reason).toBe('model.unreachable');
  });

  it('gives up on a connection, TLS included, after 500 ms', async () => {
    const { port } = await listen(createTcpServer(() => {}));
    const startedAt = systemClock.now();
    const { fault } = await read(speakTo(port, 'https'));
    expect(fault).toMatchObject({ reason: 'model.unreachable', detail: { code: 'UND_ERR_CONNECT_TIMEOUT' } });
    const tookMs = systemClock.now() - startedAt;
    expect(tookMs).toBeGreaterThan(490);
    expect(tookMs).toBeLessThan(900);
  });

  it('faults when the connection is lost before an answer', async () => {
    const { model } = await provider((incoming) => incoming.socket.resetAndDestroy());
    expect((await read(model)).fault?.reason).toBe('model.connection_lost');
  });

  it('faults when the answer is no HTTP', async () => {
    const { port } = await listen(createTcpServer((socket) => socket.end('SSH-2.0-what\r\n')));
    expect((await read(speakTo(port))).fault?.reason).toBe('model.bad_response');
  });

  it.each([
    ['reset', (response: ServerResponse) => response.socket?.resetAndDestroy()],
    ['closed', (response: ServerResponse) => response.destroy()],
    ['ended without a finish', (response: ServerResponse) => response.end()],
  ])('faults on a stream that is %s after words', async (_, cut) => {
    const { model } = await provider((_, response) => {
      begin(response).write(word('Good '), () => setImmediate(() => cut(response)));
    });
    const { chunks, fault } = await read(model);
    expect(fault).toMatchObject({ kind: 'unavailable', reason: 'model.stream_cut' });
    expect(chunks[0]).toEqual({ kind: 'text', text: 'Good ' });
  });
});

describe('letting go', () => {
  /** Reads until the server has reached the state under test, then aborts and waits for the server to see it. */
  async function abortWhen(listener: (response: ServerResponse, reached: () => void) => void) {
    const reached = Promise.withResolvers<void>();
    const { model, sockets } = await provider((incoming, response) => {
      incoming.resume().on('end', () => listener(response, reached.resolve));
    });
    const controller = new AbortController();
    const reading = read(model, controller.signal);
    await reached.promise;
    const freed = untilFreed(sockets);
    controller.abort(superseded);
    expect((await reading).fault).toBe(superseded);
    expect(await freed).toBeLessThan(100);
  }

  it('frees the socket within 100 ms of an abort before headers', () => abortWhen((_, reached) => reached()));

  it('frees the socket within 100 ms of an abort after headers', () =>
    abortWhen((response, reached) => {
      begin(response).flushHeaders();
      reached();
    }));

  it('frees the socket within 100 ms of an abort amid words', () =>
    abortWhen((response, reached) => begin(response).write(word('Good '), () => reached())));

  it('connects to nobody for a signal that is already aborted', async () => {
    let requests = 0;
    const { model } = await provider(() => requests++);
    expect((await read(model, AbortSignal.abort(superseded))).fault).toBe(superseded);
    expect(requests).toBe(0);
  });

  it('asks nobody for a signal that aborts while the client is loaded', async () => {
    let requests = 0;
    const { model } = await provider(() => requests++);
    const controller = new AbortController();
    const reading = read(model, controller.signal);
    controller.abort(superseded);
    expect((await reading).fault).toBe(superseded);
    expect(requests).toBe(0);
  });

  it('calls an abort with any other reason cancelled', async () => {
    const { model } = await provider(() => {});
    const { fault } = await read(model, AbortSignal.abort());
    expect(fault).toMatchObject({ kind: 'cancelled', reason: 'model.cancelled' });
  });

  it('frees the socket when its reader leaves', async () => {
    const { model, sockets } = await provider((_, response) => begin(response).write(word('Good ')));
    for await (const chunk of model.stream(request, idle)) {
      expect(chunk).toEqual({ kind: 'text', text: 'Good ' });
      break;
    }
    expect(await untilFreed(sockets)).toBeLessThan(100);
  });

  it('keeps the connection for the next turn after a whole answer', async () => {
    const ports = new Set<number | undefined>();
    const { model, sockets } = await provider((incoming, response) => {
      ports.add(incoming.socket.remotePort);
      begin(response).write(word('Hi.'));
      response.end(DONE);
    });
    for (let turn = 0; turn < 3; turn++) {
      expect((await read(model)).chunks).toHaveLength(2);
      // The rest of the answer is read behind the reader's back; the connection is free once the event loop has turned.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(ports.size).toBe(1);
    expect(sockets.size).toBe(1);
  });

  it('frees the socket of a server that goes on after [DONE]', async () => {
    const { model, sockets } = await provider((_, response) => begin(response).write(word('Hi.') + DONE));
    expect((await read(model)).fault).toBeUndefined();
    expect(await untilFreed(sockets)).toBeLessThan(1_000);
  });
});

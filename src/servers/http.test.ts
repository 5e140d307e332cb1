import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Fault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { silentLog } from '../std/log.ts';
import { createHttp, rawBody } from './http.ts';
import { createHttpServer, type HttpServer } from './http-server.ts';
import { listen } from './listen.ts';
import type { NotReady } from './probes.ts';

const servers: HttpServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

function serve(loadRoutes: () => Promise<RequestListener>, reasons: readonly NotReady[] = [], log = silentLog) {
  const http = createHttpServer({ loadRoutes, notReadyBecause: () => reasons, log });
  servers.push(http);
  return http;
}

async function given(log: Log = silentLog) {
  const app = createHttp(log);
  const reasons: NotReady[] = [];
  app.post('/echo', async (request, reply) => reply.type('application/octet-stream').send(rawBody(request)));
  app.get('/bug', async () => {
    throw new TypeError('secret internals');
  });
  const told = new Fault('exhausted', 'calls.queue_full', 'expected room', {
    effect: 'nobody is dialled',
    fixes: ['wait'],
    cause: new Error('secret cause'),
    detail: { waiting: 100 },
  });
  app.get('/stranger', async () => {
    throw told;
  });
  app.get('/friend', async (request) => {
    request.isTrusted = true;
    throw told;
  });
  const loadRoutes = async (): Promise<RequestListener> => {
    await app.ready();
    return (request, response) => app.routing(request, response);
  };
  const port = await listen(serve(loadRoutes, reasons, log).server, '127.0.0.1', 0, 'PORT');
  return { app, port, reasons, base: `http://127.0.0.1:${port}` };
}

/** Sends bytes, collects what comes until the connection closes. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let received = '';
    socket.on('data', (data) => {
      received += data.toString();
    });
    socket.on('close', () => resolve(received));
    socket.on('error', reject);
    socket.write(bytes);
  });
}

describe('errors', () => {
  it('tell a stranger the status and nothing else', async () => {
    const { base } = await given();
    const answer = await fetch(`${base}/stranger`);
    expect(answer.status).toBe(429);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(await answer.json()).toEqual({ type: 'about:blank', title: 'Too Many Requests', status: 429 });
  });

  it('tell whoever proved itself what is wrong and what to do, never the cause', async () => {
    const { base } = await given();
    expect(await (await fetch(`${base}/friend`)).json()).toEqual({
      type: 'urn:offhook:fault:calls.queue_full',
      title: 'Too Many Requests',
      status: 429,
      code: 'calls.queue_full',
      detail: 'expected room',
      effect: 'nobody is dialled',
      fixes: ['wait'],
    });
  });

  it('of ours are 500 without a stack, and logged once by reason', async () => {
    const logged: object[] = [];
    const { base } = await given({ ...silentLog, error: (fields) => logged.push(fields) });
    const answer = await fetch(`${base}/bug`);
    expect(await answer.json()).toEqual({ type: 'about:blank', title: 'Internal Server Error', status: 500 });
    expect(logged).toEqual([{ route: '/bug', reason: 'http.handler_failed' }]);
  });

  it.each([
    '/nothing',
    '/%zz',
    '/echo',
    '/__proto__',
    '/live/../bug2',
    `/${'x'.repeat(9_000)}`,
  ])('are the same 404 at %s', async (path) => {
    const { base } = await given();
    const answer = await fetch(base + path);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({ type: 'about:blank', title: 'Not Found', status: 404 });
    expect([...answer.headers.keys()]).not.toContain('server');
    expect([...answer.headers.keys()]).not.toContain('x-powered-by');
  });

  it.each([
    ['no HTTP at all', '\x16\x03\x01\x02\r\n\r\n', 400],
    ['a bad header', 'GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n', 400],
    ['two lengths', 'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd', 400],
    ['headers above 16 KB', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(17_000)}\r\n\r\n`, 431],
  ])('of %s end the connection with the generic shape', async (_what, bytes, status) => {
    const { port } = await given();
    const answer = await exchange(port, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ type: 'about:blank', status });
  });
});

describe('bodies', () => {
  it.each(['application/json', 'text/plain', 'application/x-odd', ''])('of type "%s" stay raw bytes', async (type) => {
    const { base } = await given();
    const body = Buffer.from([0, 0xff, 0x7b, 0xc3, 0x28]);
    const headers: Record<string, string> = type === '' ? {} : { 'content-type': type };
    const answer = await fetch(`${base}/echo`, { method: 'POST', body, headers });
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(body);
  });

  it('may weigh 256 KB, and no more, declared or not', async () => {
    const { base } = await given();
    const post = (body: string | ReadableStream) =>
      fetch(`${base}/echo`, { method: 'POST', body, duplex: 'half' } as RequestInit);
    expect((await post('x'.repeat(256 * 1024))).status).toBe(200);
    expect((await post('x'.repeat(256 * 1024 + 1))).status).toBe(413);
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)) });
    const refused = await post(endless).then(
      ({ status }) => status,
      () => 413, // the connection was closed while we were still sending
    );
    expect(refused).toBe(413);
  });

  it('are taken from a client that offers another protocol with its request', async () => {
    const { port } = await given();
    const head = 'POST /echo HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings, close\r\nupgrade: h2c';
    const answer = await exchange(port, `${head}\r\ncontent-length: 4\r\n\r\nbody`);
    expect(answer).toMatch(/^HTTP\/1.1 200 [\s\S]*body$/);
  });
});

it('closes half requests within six seconds, while others are served', { timeout: 15_000 }, async () => {
  const { port, base } = await given();
  const started = performance.now();
  const slow = Array.from({ length: 50 }, (_, i) =>
    exchange(port, ['', 'GET /live HTT', 'GET /live HTTP/1.1\r\nhost: x\r\n'][i % 3] ?? ''),
  );
  expect((await fetch(`${base}/live`)).status).toBe(200);
  await Promise.all(slow);
  expect(performance.now() - started).toBeLessThan(7_500);
});

it('says whether it lives and whether calls may come', async () => {
  const { base, reasons } = await given();
  expect(await (await fetch(`${base}/live`)).json()).toEqual({ status: 'live' });
  expect((await fetch(`${base}/ready`)).status).toBe(200);
  const draining = { reason: 'draining', detail: 'the process is stopping' };
  reasons.push(draining);
  const answer = await fetch(`${base}/ready`);
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ status: 'not_ready', reasons: [draining] });
  expect((await fetch(`${base}/live`)).status).toBe(200);
  expect(await (await fetch(`${base}/health`)).json()).toEqual({ status: 'live' });
});

describe('routes', () => {
  it('are loaded with the first request that wants one, once, while probes are answered', async () => {
    const loaded = Promise.withResolvers<RequestListener>();
    let loads = 0;
    const { server } = serve(() => {
      loads++;
      return loaded.promise;
    });
    const base = `http://127.0.0.1:${await listen(server, '127.0.0.1', 0, 'PORT')}`;
    expect((await fetch(`${base}/ready`)).status).toBe(200);
    expect(loads).toBe(0);
    const waiting = [fetch(`${base}/one`), fetch(`${base}/two`)];
    await expect.poll(() => loads).toBe(1);
    expect((await fetch(`${base}/live`)).status).toBe(200);
    loaded.resolve((request, response) => response.end(request.url));
    expect(await Promise.all(waiting.map(async (answer) => (await answer).text()))).toEqual(['/one', '/two']);
    expect(loads).toBe(1);
  });

  it('that cannot be loaded are 503, and are tried again by the next request', async () => {
    const broken = new Fault('bug', 'test.broken', 'expected routes');
    let isBroken = true;
    const { server } = serve(async () => {
      if (isBroken) throw broken;
      return (_request, response) => response.end('here');
    });
    const base = `http://127.0.0.1:${await listen(server, '127.0.0.1', 0, 'PORT')}`;
    expect((await fetch(`${base}/one`)).status).toBe(503);
    isBroken = false;
    expect(await (await fetch(`${base}/one`)).text()).toBe('here');
  });
});

describe('listening', () => {
  const noRoutes = () => Promise.reject(new Error('no routes'));

  it('names the port that is taken, and how to move', async () => {
    const { port } = await given();
    const { server } = serve(noRoutes);
    await expect(listen(server, '127.0.0.1', port, 'PORT')).rejects.toMatchObject({
      kind: 'unavailable',
      reason: 'port.in_use',
      detail: { port },
      fixes: [expect.stringContaining('PORT'), expect.any(String)],
    });
  });

  it('says that an address is not of this machine', async () => {
    const { server } = serve(noRoutes);
    await expect(listen(server, '203.0.113.7', 0, 'PORT')).rejects.toMatchObject({ reason: 'host.not_here' });
  });
});

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { findProgram } from '../../tools/services/debian.ts';
import { NGINX, type RunningNginx, startNginx } from '../../tools/services/nginx.ts';
import { nginxConfig } from '../../tools/services/nginx-config.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

it('brings a call to the same replica each time, and all calls to all replicas', async () => {
  const [a, b] = [await startReplica(), await startReplica()];
  const { port } = await balance(a, b);
  const answering = new Set<number>();
  for (let call = 0; call < 20; call++) {
    const [first, again, behindQuery] = await Promise.all([
      whoTakes(`${port}/llm-websocket/s3cret/call_${call}`),
      whoTakes(`${port}/llm-websocket/s3cret/call_${call}?tenant=acme`),
      whoTakes(`${port}/llm-websocket/s3cret?tenant=acme/call_${call}`),
    ]);
    expect(new Set([again, behindQuery])).toEqual(new Set([first]));
    answering.add(first);
  }
  expect(answering).toEqual(new Set([a.port, b.port]));
});

it('brings what is asked about a call to the replica that has its socket', async () => {
  const [a, b] = [await startReplica(), await startReplica()];
  const { url, port } = await balance(a, b);
  for (let call = 0; call < 10; call++) {
    const own = await whoTakes(`${port}/llm-websocket/call_${call}`);
    await fetch(`${url}/api/v1/calls/call_${call}/end`, { method: 'POST' });
    expect((own === a.port ? a : b).requests).toContain(`POST /api/v1/calls/call_${call}/end`);
  }
});

it.each([
  ['is dead', async (replica: Replica) => replica.close()],
  [
    'is draining',
    async (replica: Replica) => {
      replica.isDraining = true;
    },
  ],
])('brings a call to another replica when its own %s, in the same dial', async (_why, befalls) => {
  const replicas = [await startReplica(), await startReplica(), await startReplica()];
  const { port } = await balance(...replicas);
  for (let call = 0; replicas.length > 1; call++) {
    const taken = await whoTakes(`${port}/llm-websocket/call_${call}`);
    const own = replicas.findIndex((replica) => replica.port === taken);
    const [lost] = replicas.splice(own, 1);
    if (lost) await befalls(lost);
    const startedAt = performance.now();
    expect(replicas.map((replica) => replica.port)).toContain(await whoTakes(`${port}/llm-websocket/call_${call}`));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  }
});

it('takes calls back to each replica as soon as it is there again, one deployed after another', async () => {
  const replicas = [await startReplica(), await startReplica(), await startReplica()];
  const { port } = await balance(...replicas);
  const calls = Array.from({ length: 12 }, (_, call) => `${port}/llm-websocket/call_${call}`);
  // They stay open: only at its end would a socket tell nginx that its replica is well.
  for (const call of calls) await dial(call);
  for (const replica of replicas) {
    replica.isDraining = true;
    for (const call of calls) expect(await answerOf(await dial(call))).not.toBe(replica.port);
    replica.isDraining = false;
  }
  const takers = await Promise.all(calls.map(async (call) => answerOf(await dial(call))));
  expect(new Set(takers)).toEqual(new Set(replicas.map((replica) => replica.port)));
});

it('keeps open sockets through a reload, and takes new ones to the new replicas', async () => {
  const [a, b] = [await startReplica(), await startReplica()];
  const nginx = await balance(a);
  const socket = await dial(`${nginx.port}/llm-websocket/call_1`);
  expect(await answerOf(socket)).toBe(a.port);
  await nginx.reload([b.port]);
  await expect.poll(() => whoTakes(`${nginx.port}/llm-websocket/call_1`), { timeout: 4_000 }).toBe(b.port);
  expect(await answerOf(socket)).toBe(a.port);
});

it('never sends an order to dial twice', async () => {
  const [a, b] = [await startReplica(), await startReplica()];
  const { url } = await balance(a, b);
  a.isBroken = true;
  b.isBroken = true;
  expect((await fetch(`${url}/api/v1/calls`, { method: 'POST', body: '{}' })).status).toBe(502);
  expect([...a.requests, ...b.requests]).toEqual(['POST /api/v1/calls']);
});

it('gives a webhook to the next replica when one does not answer it', async () => {
  const [a, b] = [await startReplica(), await startReplica()];
  const { url } = await balance(a, b);
  a.isBroken = true;
  while (a.requests.length === 0) {
    expect((await fetch(`${url}/webhooks/retell`, { method: 'POST', body: '{}' })).status).toBe(200);
  }
  expect(b.requests).toContain('POST /webhooks/retell');
});

it('gives an order to dial to another replica when its own is not there at all', async () => {
  const [a, b] = [await startReplica(), await startReplica()];
  const { url } = await balance(a, b);
  await a.close();
  for (let times = 0; times < 4; times++) {
    expect((await fetch(`${url}/api/v1/calls`, { method: 'POST', body: '{}' })).status).toBe(200);
  }
});

it('hands on bodies of 10 MiB, and says whom they are from', async () => {
  const replica = await startReplica();
  const { url } = await balance(replica);
  const large = await fetch(`${url}/webhooks/retell`, { method: 'POST', body: 'x'.repeat(10 * 1_024 * 1_024) });
  expect(await large.json()).toEqual({ bytes: 10 * 1_024 * 1_024, forwardedFor: '127.0.0.1' });
  const tooLarge = await fetch(`${url}/webhooks/retell`, { method: 'POST', body: 'x'.repeat(10 * 1_024 * 1_024 + 1) });
  expect(tooLarge.status).toBe(413);
});

it('is configured in deploy/ as it is here', async () => {
  await expect(fleetConfig('/var/cache/nginx', 'nginx')).toMatchFileSnapshot('../../deploy/nginx.conf');
});

it('takes that configuration', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'offhook-nginx-'));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'nginx.conf');
  writeFileSync(config, fleetConfig(folder, 'root'));
  const { path, env } = await findProgram(NGINX);
  const { stderr } = await promisify(execFile)(path, ['-t', '-p', folder, '-c', config, '-e', 'stderr'], { env });
  expect(stderr).toContain('syntax is ok');
});

/** The balancer of deploy/compose.yaml, whose replicas have these addresses. */
function fleetConfig(folder: string, user: string): string {
  const replicas = ['10.73.0.11:8080', '10.73.0.12:8080', '10.73.0.13:8080'];
  return nginxConfig({ listen: '8080', replicas, folder, user });
}

interface Replica {
  readonly port: number;
  /** Answers sockets with 503, as a replica that stops does. */
  isDraining: boolean;
  /** Breaks off whatever is asked. */
  isBroken: boolean;
  readonly requests: string[];
  close(): Promise<void>;
}

/** Answers every message on a socket with its own port. */
async function startReplica(): Promise<Replica> {
  const http: Server = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const replica: Replica = {
    port,
    isDraining: false,
    isBroken: false,
    requests: [],
    async close() {
      for (const client of sockets.clients) client.terminate();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  http.on('upgrade', (request, socket, head) => {
    if (replica.isDraining) socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
    else sockets.handleUpgrade(request, socket, head, (one) => one.on('message', () => one.send(String(port))));
  });
  http.on('request', (request, response) => {
    replica.requests.push(`${request.method} ${request.url}`);
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on('end', () => {
      if (replica.isBroken) request.socket.destroy();
      else response.end(JSON.stringify({ bytes, forwardedFor: request.headers['x-forwarded-for'] }));
    });
  });
  cleanUps.push(() => replica.close());
  return replica;
}

async function balance(...replicas: readonly Replica[]): Promise<RunningNginx> {
  const nginx = await startNginx({ replicas: replicas.map(({ port }) => port) });
  cleanUps.push(() => nginx.stop());
  return nginx;
}

async function dial(address: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${address}`);
  cleanUps.push(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

async function answerOf(socket: WebSocket): Promise<number> {
  const answered = once(socket, 'message');
  socket.send('who');
  const [answer] = await answered;
  return Number(String(answer));
}

async function whoTakes(address: string): Promise<number> {
  const socket = await dial(address);
  const port = await answerOf(socket);
  socket.terminate();
  return port;
}

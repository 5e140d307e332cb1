import { createServer, type Server } from 'node:http';
import { afterEach, expect } from 'vitest';
import type { LineInfo } from '../session/line.ts';
import { systemClock } from '../std/clock.ts';
import { silentLog } from '../std/log.ts';
import { createSocketDoor, type SocketDoorOptions } from './llm-socket.ts';
import { dial } from './raw-peer.fixture.ts';
import type { CallSocket } from './socket.ts';

export const CALL = 'call_1_aaaa';
const servers: (() => void)[] = [];
afterEach(() => {
  for (const close of servers.splice(0)) close();
});

interface Accepted {
  readonly socket: CallSocket;
  readonly info: LineInfo;
  readonly texts: string[];
  isClosed: boolean;
}

/** A door on a free port, and what came through it. */
export async function given(overrides: Partial<SocketDoorOptions> = {}) {
  const accepted: Accepted[] = [];
  const counted: string[] = [];
  const refused: string[] = [];
  const proven: string[] = [];
  const door = createSocketDoor({
    secrets: [],
    trustsEveryCall: true,
    accept(socket, info) {
      const one: Accepted = { socket, info, texts: [], isClosed: false };
      accepted.push(one);
      return {
        onFrame: (bytes) => one.texts.push(bytes.toString()),
        onWaiting: () => socket.pull(),
        onClosed: () => {
          one.isClosed = true;
        },
      };
    },
    isEnded: async () => false,
    prover: { isNamed: async () => false, prove: async () => 'unknown' },
    onProven(callId) {
      proven.push(callId);
      door.markProven(callId);
    },
    countFrame: (reason) => counted.push(reason),
    countRefused: (reason) => refused.push(reason),
    clock: systemClock,
    log: silentLog,
    ...overrides,
  });
  const server: Server = createServer((_request, response) => response.end('http'));
  server.on('upgrade', door.onUpgrade);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(() => {
    door.terminateAll();
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  const { port } = address;
  return {
    door,
    port,
    accepted,
    counted,
    refused,
    proven,
    dial: (path: string) => dial(port, path),
    statusOf: async (call: string) => (await dial(port, `/llm-websocket/${call}`)).status,
  };
}

/** Waits for what another socket must first do. */
export const until = (holds: () => boolean) => expect.poll(holds, { timeout: 4_000, interval: 5 }).toBe(true);

/**
 * The model's process: OpenAI-compatible, 13 chunks in one write, printed beforehand. Leaner than the simulator's own
 * stub, which fails to order in many ways and would cost more than the servers that are measured.
 */

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { seededRandom } from '../src/std/random.ts';
import { ANSWER_PIECES } from './answer.ts';

/** How the model behaves from now on. */
export interface StubBehaviour {
  readonly seed: number;
  /** Time to the first token: log-normal, by its median and sigma; 0 answers at once. */
  readonly medianMs: number;
  readonly sigma: number;
  /** This part of the requests, from 0 to 1, says nothing for so long. */
  readonly stallRatio: number;
  readonly stallMs: number;
}

export type StubOrder = { readonly kind: 'behave'; readonly behaviour: StubBehaviour } | { readonly kind: 'count' };
export type StubReply =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'behaving' }
  | { readonly kind: 'counted'; readonly requests: number; readonly stalled: number };

const HEAD_END = Buffer.from('\r\n\r\n');
const RESPONSE = printResponse();

let behaviour: StubBehaviour = { seed: 1, medianMs: 0, sigma: 0, stallRatio: 0, stallMs: 0 };
let random = seededRandom(behaviour.seed);
let requests = 0;
let stalled = 0;

const server = createServer({ noDelay: true }, serve);
server.listen(0, '127.0.0.1', 4_096, () => {
  reply({ kind: 'listening', port: (server.address() as AddressInfo).port });
});
process.on('message', (order: StubOrder) => {
  if (order.kind === 'count') return reply({ kind: 'counted', requests, stalled });
  behaviour = order.behaviour;
  random = seededRandom(behaviour.seed);
  requests = 0;
  stalled = 0;
  reply({ kind: 'behaving' });
});
process.on('disconnect', () => process.exit());

function serve(socket: Socket): void {
  let rest: Buffer | undefined;
  let bodyLeft = 0;
  socket.on('error', () => {}); // the client went away, which is its right
  socket.on('data', (received) => {
    let bytes = rest ? Buffer.concat([rest, received]) : received;
    rest = undefined;
    while (bytes.length > 0) {
      if (bodyLeft === 0) {
        const end = bytes.indexOf(HEAD_END);
        if (end < 0) {
          rest = bytes;
          return;
        }
        bodyLeft = contentLength(bytes.toString('latin1', 0, end));
        bytes = bytes.subarray(end + HEAD_END.length);
      }
      const taken = Math.min(bodyLeft, bytes.length);
      bodyLeft -= taken;
      bytes = bytes.subarray(taken);
      if (bodyLeft === 0) answer(socket);
    }
  });
}

function answer(socket: Socket): void {
  requests++;
  const isStalled = random() < behaviour.stallRatio;
  if (isStalled) stalled++;
  const delayMs = isStalled ? behaviour.stallMs : behaviour.medianMs * Math.exp(behaviour.sigma * normal());
  if (delayMs === 0) socket.write(RESPONSE);
  else setTimeout(() => socket.writable && socket.write(RESPONSE), delayMs);
}

/** Box and Muller's. */
function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function contentLength(head: string): number {
  return Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
}

/** Twelve chunks of words and one that ends them, each a piece of its own, as providers send them. */
function printResponse(): Buffer {
  const events = [...ANSWER_PIECES.map((content) => event({ content }, null)), `${event({}, 'stop')}data: [DONE]\n\n`];
  const pieces = events.map((text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  const head =
    'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked';
  return Buffer.from(`${head}\r\n\r\n${pieces.join('')}0\r\n\r\n`);
}

function event(delta: object, finishReason: string | null): string {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  const chunk = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 0, model: 'bench', choices };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function reply(message: StubReply): void {
  process.send?.(message);
}

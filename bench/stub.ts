/**
 * The model's process: OpenAI-compatible, 13 chunks in one write, printed beforehand. Leaner than the simulator's own
 * stub, which fails to order in many ways and would cost more than the servers that are measured.
 */

import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { seededRandom } from '../src/std/random.ts';
import { ANSWER_PIECES } from './answer.ts';
import { type Spread, silenceMs, thinkingMs } from './silence.ts';

/** How the model behaves from now on. */
export interface StubBehaviour extends Spread {
  readonly seed: number;
  /**
   * From one token to the next; absent, an answer is one write. With it the time to the first token is drawn by what the
   * request's last words are, so that two servers that are asked the same have the same model.
   */
  readonly tokenMs?: number;
}

/** Since the last order to behave. */
export interface StubCounts {
  readonly requests: number;
  /** A token of a prompt is taken for four bytes of the request, one of an answer for a piece of it that was written. */
  readonly promptTokens: number;
  readonly answerTokens: number;
}

export type StubOrder = { readonly kind: 'behave'; readonly behaviour: StubBehaviour } | { readonly kind: 'count' };
export type StubReply =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'behaving' }
  | ({ readonly kind: 'counted' } & StubCounts);

const HEAD_END = Buffer.from('\r\n\r\n');
const BYTES_PER_TOKEN = 4;
const PIECES = printPieces();
const RESPONSE = Buffer.concat(PIECES);

let behaviour: StubBehaviour = { seed: 1, medianMs: 0, sigma: 0, stallRatio: 0, stallMs: 0 };
let random = seededRandom(behaviour.seed);
let requests = 0;
let promptBytes = 0;
let answerTokens = 0;
/** How often each last word was asked about: each time its delay is another. */
const asked = new Map<string, number>();

const server = createServer({ noDelay: true }, serve);
server.listen(0, '127.0.0.1', 4_096, () => {
  reply({ kind: 'listening', port: (server.address() as AddressInfo).port });
});
process.on('message', (order: StubOrder) => {
  if (order.kind === 'count') {
    const promptTokens = Math.round(promptBytes / BYTES_PER_TOKEN);
    return reply({ kind: 'counted', requests, promptTokens, answerTokens });
  }
  behaviour = order.behaviour;
  random = seededRandom(behaviour.seed);
  requests = 0;
  promptBytes = 0;
  answerTokens = 0;
  asked.clear();
  reply({ kind: 'behaving' });
});
process.on('disconnect', () => process.exit());

function serve(socket: Socket): void {
  let rest: Buffer | undefined;
  let bodyLeft = 0;
  let body: Buffer[] = [];
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
        promptBytes += bodyLeft;
        bytes = bytes.subarray(end + HEAD_END.length);
      }
      const taken = Math.min(bodyLeft, bytes.length);
      bodyLeft -= taken;
      if (behaviour.tokenMs !== undefined) body.push(bytes.subarray(0, taken));
      bytes = bytes.subarray(taken);
      if (bodyLeft > 0) continue;
      if (behaviour.tokenMs === undefined) answer(socket);
      else stream(socket, Buffer.concat(body).toString(), behaviour.tokenMs);
      body = [];
    }
  });
}

function answer(socket: Socket): void {
  requests++;
  const delayMs = silenceMs(behaviour, random);
  if (delayMs === 0) socket.write(RESPONSE);
  else setTimeout(() => socket.writable && socket.write(RESPONSE), delayMs);
}

/** Token by token, until the client goes away. */
function stream(socket: Socket, request: string, tokenMs: number): void {
  requests++;
  const words = /.*"content":"((?:[^"\\]|\\.)*)"/s.exec(request)?.[1] ?? '';
  const key = words.toLowerCase().replace(/[^a-z ]/g, '');
  const times = asked.get(key) ?? 0;
  asked.set(key, times + 1);
  const drawn = drawnFor(`${behaviour.seed} ${times} ${key}`);
  let at = 0;
  const writeNext = () => {
    const piece = PIECES[at++];
    if (!piece || !socket.writable) return;
    socket.write(piece);
    if (at > 1 && at < PIECES.length) answerTokens++;
    if (at < PIECES.length) setTimeout(writeNext, at === 1 ? 0 : tokenMs);
  };
  setTimeout(writeNext, thinkingMs(behaviour, drawn));
}

/** Two numbers in [0, 1) that belong to a text. */
function drawnFor(text: string): () => number {
  const digest = createHash('sha256').update(text).digest();
  let at = 0;
  return () => digest.readUInt32BE(4 * at++) / 2 ** 32;
}

function contentLength(head: string): number {
  return Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
}

/** Twelve chunks of words and one that ends them, each a piece of its own, as providers send them. */
function printPieces(): readonly Buffer[] {
  const events = [...ANSWER_PIECES.map((content) => event({ content }, null)), `${event({}, 'stop')}data: [DONE]\n\n`];
  const pieces = events.map((text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  const head =
    'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked';
  const last = pieces.pop() ?? '';
  return [`${head}\r\n\r\n`, ...pieces, `${last}0\r\n\r\n`].map((text) => Buffer.from(text));
}

function event(delta: object, finishReason: string | null): string {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  const chunk = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 0, model: 'bench', choices };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function reply(message: StubReply): void {
  process.send?.(message);
}

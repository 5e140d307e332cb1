/**
 * The servers ours is held against, each as short as a working one can be: `node bare.ts <kind> <model URL>`. They
 * keep no call, survive nothing and never say a filler.
 *
 * `constant`: parses every frame and answers each ask with 13 frames of constant text.
 * `model`:    the same, with the words of a streaming HTTP call to the model.
 * `unparsed`: as `constant`, but finds an ask and its id by looking at the first bytes of a frame.
 */
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { ANSWER_PIECES, GREETING } from './answer.ts';

interface Frame {
  readonly interaction_type: string;
  readonly response_id: number;
  readonly timestamp: number;
  readonly transcript: readonly { readonly role: string; readonly content: string }[];
}

const [, , kind = 'constant', modelUrl = ''] = process.argv;
const http = createServer((_request, response) => response.end());
const agent = new Agent({ keepAlive: true });

new WebSocketServer({ server: http }).on('connection', (socket) => {
  const config = { auto_reconnect: true, call_details: true };
  socket.send(JSON.stringify({ response_type: 'config', config }));
  socket.on('error', () => {}); // a caller who went away
  socket.on('message', (data) => {
    if (!Buffer.isBuffer(data)) return;
    if (kind === 'unparsed') onUnparsed(socket, data);
    else onFrame(socket, JSON.parse(data.toString()));
  });
});
http.listen(0, '127.0.0.1', 4_096, () => {
  process.send?.({ kind: 'listening', port: (http.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit());

function onFrame(socket: WebSocket, frame: Frame): void {
  switch (frame.interaction_type) {
    case 'ping_pong':
      socket.send(JSON.stringify({ response_type: 'ping_pong', timestamp: frame.timestamp }));
      break;
    case 'call_details':
      say(socket, 0, GREETING, true);
      break;
    case 'response_required':
    case 'reminder_required':
      if (kind === 'model') askModel(socket, frame);
      else answer(socket, frame.response_id);
      break;
    default: // update_only: parsed, and of no use to a bare server
  }
}

const RESPONSE_REQUIRED = '{"interaction_type":"response_required","response_id":';

function onUnparsed(socket: WebSocket, data: Buffer): void {
  const head = data.toString('latin1', 0, 80);
  if (head.startsWith(RESPONSE_REQUIRED)) answer(socket, Number.parseInt(head.slice(RESPONSE_REQUIRED.length), 10));
  else if (!head.startsWith('{"interaction_type":"update_only"')) onFrame(socket, JSON.parse(data.toString()));
}

function answer(socket: WebSocket, responseId: number): void {
  for (const piece of ANSWER_PIECES) say(socket, responseId, piece, false);
  say(socket, responseId, '', true);
}

function askModel(socket: WebSocket, { transcript, response_id: responseId }: Frame): void {
  const messages = transcript.map(({ role, content }) => ({ role: role === 'agent' ? 'assistant' : 'user', content }));
  const body = JSON.stringify({ model: 'bench', stream: true, messages });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const asked = request(`${modelUrl}/chat/completions`, { method: 'POST', agent, headers }, (response) => {
    let rest = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      const events = (rest + text).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        if (event === 'data: [DONE]') continue;
        const { delta, finish_reason: finish } = JSON.parse(event.slice(6)).choices[0];
        say(socket, responseId, delta.content ?? '', finish !== null);
      }
    });
  });
  asked.on('error', () => say(socket, responseId, '', true));
  asked.end(body);
}

function say(socket: WebSocket, responseId: number, content: string, isComplete: boolean): void {
  const frame = { response_type: 'response', response_id: responseId, content, content_complete: isComplete };
  socket.send(JSON.stringify(frame));
}

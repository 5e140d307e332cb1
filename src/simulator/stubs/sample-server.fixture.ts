import type { IncomingMessage, ServerResponse } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { type InboundFrame, type OutboundFrame, parseFrame, printFrame } from '../../retell/frames.ts';
import { listenLocally, readBody } from './http-server.ts';

/** One socket of a call, as the sample server holds it. */
export interface SampleSession {
  readonly callId: string;
  /** Counts the sockets of this call from 1. */
  readonly socketNumber: number;
  readonly url: string;
  readonly socket: WebSocket;
  send(frame: OutboundFrame): void;
  /** One whole answer: `{ response_id, content, content_complete: true }`. */
  answer(responseId: number, content: string): void;
}

/** Either of the two asks. */
type Ask = Extract<InboundFrame, { readonly response_id: number }>;

/** What the sample server does; each step can be replaced by a wrong one. */
export interface SampleBehaviour {
  readonly onOpen?: (session: SampleSession) => void;
  readonly onAsk?: (session: SampleSession, ask: Ask) => void;
  readonly onPing?: (session: SampleSession, timestamp: number) => void;
  readonly onFrame?: (session: SampleSession, frame: InboundFrame) => void;
  /** Answers an upgrade with this status instead of a socket. */
  readonly refuseUpgrade?: (attempt: number) => number | undefined;
  readonly onRequest?: (request: IncomingMessage, body: string, response: ServerResponse) => void;
}

/** A running sample server. */
export interface SampleServer {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly upgrades: () => number;
  close(): Promise<void>;
}

/**
 * The smallest server that keeps every rule of the protocol: config, greeting, echoes, one answer per ask. The
 * simulator is tested against it, and against it with one step made wrong.
 */
export async function startSampleServer(behaviour: SampleBehaviour = {}): Promise<SampleServer> {
  const calls = new Map<string, number>();
  let upgrades = 0;
  const local = await listenLocally((request, response) => {
    collect(request, response, behaviour).catch(() => response.destroy());
  });
  const sockets = new WebSocketServer({ noServer: true });
  local.http.on('upgrade', (request, socket, head) => {
    upgrades += 1;
    const status = behaviour.refuseUpgrade?.(upgrades);
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => {
      const url = request.url ?? '';
      const callId = callIdOf(url);
      const socketNumber = (calls.get(callId) ?? 0) + 1;
      calls.set(callId, socketNumber);
      serve(sessionOf(opened, callId, socketNumber, url), behaviour);
    });
  });
  return {
    url: local.url,
    upgrades: () => upgrades,
    close() {
      for (const socket of sockets.clients) socket.terminate();
      return local.close();
    },
  };
}

function serve(session: SampleSession, behaviour: SampleBehaviour): void {
  const { onOpen = greet, onAsk = echo, onPing = pong, onFrame } = behaviour;
  session.socket.on('message', (data) => {
    const parsed = parseFrame(String(data));
    if (parsed.kind !== 'frame') return;
    const { frame } = parsed;
    onFrame?.(session, frame);
    if (frame.interaction_type === 'ping_pong') onPing(session, frame.timestamp);
    if (frame.interaction_type === 'response_required' || frame.interaction_type === 'reminder_required') {
      onAsk(session, frame);
    }
  });
  session.socket.on('error', () => {}); // a test that sends rubbish expects it
  onOpen(session);
}

/** Config, and the greeting on the first socket only. */
export function greet(session: SampleSession): void {
  session.send({ response_type: 'config', config: { auto_reconnect: true, call_details: true } });
  session.answer(0, session.socketNumber === 1 ? 'Good morning. How can I help?' : '');
}

function echo(session: SampleSession, ask: Ask): void {
  const words = ask.transcript?.at(-1)?.content ?? '';
  session.answer(ask.response_id, `You said ${words}. Is there more?`);
}

function pong(session: SampleSession, timestamp: number): void {
  session.send({ response_type: 'ping_pong', timestamp });
}

function sessionOf(socket: WebSocket, callId: string, socketNumber: number, url: string): SampleSession {
  const send = (frame: OutboundFrame) => socket.send(printFrame(frame));
  return {
    callId,
    socketNumber,
    url,
    socket,
    send,
    answer: (responseId, content) =>
      send({ response_type: 'response', response_id: responseId, content, content_complete: true }),
  };
}

async function collect(request: IncomingMessage, response: ServerResponse, behaviour: SampleBehaviour): Promise<void> {
  const body = await readBody(request);
  if (behaviour.onRequest) behaviour.onRequest(request, body, response);
  else response.writeHead(204).end();
}

/** The last segment of the path, or of the query when the path ends before it. */
function callIdOf(url: string): string {
  const [path = '', query = ''] = url.split('?', 2);
  const last = path.split('/').at(-1) ?? '';
  return last === 'llm-websocket' ? (query.split('/').at(-1) ?? '') : last;
}

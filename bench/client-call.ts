import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { ANSWER_MARK } from './answer.ts';
import type { TurnFrames } from './script.ts';
import { frameReader, OPCODE, printMasked, printPong } from './wire.ts';

/** One call of the generator: a bare TCP socket that speaks just enough WebSocket and Retell. */
export interface ClientCall {
  sendUpdate(frame: Buffer): void;
  sendAsk(turn: TurnFrames): void;
  /** A turn's frames in one write. */
  sendTurn(turn: TurnFrames): void;
  ping(): void;
  close(): void;
}

export interface ClientCallEvents {
  /** The begin message is complete. */
  onOpen(): void;
  /** The first whole sentence of the answer is here. */
  onAnswer(afterMs: number): void;
  /** The answer is complete. `hasAnswer`: it was what the model says, not a fallback line. */
  onComplete(hasAnswer: boolean): void;
  /** The server let go of the socket, or something came that no server should send. */
  onBroken(why: string): void;
}

const MARK = Buffer.from(ANSWER_MARK);
const COMPLETE = Buffer.from('"content_complete":true');
const RESPONSE_ID = Buffer.from('"response_id":');
const PING = printMasked('{"interaction_type":"ping_pong","timestamp":1795166968493}', 0x2f6b_81d3);

/** Dials `port` on loopback as Retell does: upgrade, call_details, then frames. */
export function dial(port: number, callId: string, events: ClientCallEvents): ClientCall {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let isUpgraded = false;
  let isClosing = false;
  let head = '';
  let responseId = 0;
  let askedAt = 0;
  let hasAnswer = false;
  const read = frameReader(onFrame);
  socket.write(upgradeRequest(port, callId));
  socket.on('data', (bytes) => {
    if (isUpgraded) read(bytes);
    else onUpgrade(bytes);
  });
  socket.on('error', (error) => broken(error.message));
  socket.on('close', () => broken('the server closed the socket'));

  return {
    sendUpdate: (frame) => {
      socket.write(frame);
    },
    sendAsk(turn) {
      begin(turn);
      socket.write(turn.ask);
    },
    sendTurn(turn) {
      begin(turn);
      socket.cork();
      for (const frame of turn.updates) socket.write(frame);
      socket.write(turn.ask);
      socket.uncork();
    },
    ping: () => {
      if (isUpgraded) socket.write(PING);
    },
    close() {
      isClosing = true;
      socket.destroy();
    },
  };

  function begin(turn: TurnFrames): void {
    responseId = turn.responseId;
    hasAnswer = false;
    askedAt = performance.now();
  }

  function onUpgrade(bytes: Buffer): void {
    head += bytes.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!head.startsWith('HTTP/1.1 101')) {
      broken(`refused: ${head.slice(0, 40)}`);
      return;
    }
    isUpgraded = true;
    socket.write(callDetails(callId));
    if (head.length > end + 4) read(Buffer.from(head.slice(end + 4), 'latin1'));
    head = '';
  }

  function onFrame(opcode: number, bytes: Buffer, from: number, to: number): void {
    if (opcode === OPCODE.text) onText(bytes.subarray(from, to));
    else if (opcode === OPCODE.ping) socket.write(printPong(bytes.subarray(from, to)));
    else broken(`a frame of opcode ${opcode}`);
  }

  function onText(frame: Buffer): void {
    if (!hasAnswer && responseId > 0 && frame.includes(MARK) && idOf(frame) === responseId) {
      hasAnswer = true;
      events.onAnswer(performance.now() - askedAt);
    }
    if (!frame.includes(COMPLETE) || idOf(frame) !== responseId) return;
    if (responseId === 0) events.onOpen();
    else events.onComplete(hasAnswer);
  }

  function broken(why: string): void {
    if (isClosing) return;
    isClosing = true;
    socket.destroy();
    events.onBroken(why);
  }
}

function idOf(frame: Buffer): number {
  const at = frame.indexOf(RESPONSE_ID);
  if (at < 0) return -1;
  let id = 0;
  for (let index = at + RESPONSE_ID.length; ; index++) {
    const digit = (frame[index] ?? 0) - 48;
    if (digit < 0 || digit > 9) return id;
    id = id * 10 + digit;
  }
}

function upgradeRequest(port: number, callId: string): string {
  return [
    `GET /llm-websocket/${callId} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    '\r\n',
  ].join('\r\n');
}

function callDetails(callId: string): Buffer {
  const call = {
    call_id: callId,
    agent_id: 'agent_bench',
    call_type: 'phone_call',
    call_status: 'registered',
    direction: 'inbound',
    from_number: '+15550100',
    to_number: '+15550199',
    metadata: {},
    retell_llm_dynamic_variables: { first_name: 'Ida' },
  };
  return printMasked(JSON.stringify({ interaction_type: 'call_details', call }), 0x1f3a_77c1);
}

import { connect, type Socket } from 'node:net';

/** A peer that speaks WebSocket byte by byte, so that a test can send what no library would. For tests only. */
export interface RawPeer {
  readonly socket: Socket;
  /** The status of the answer to the upgrade. */
  readonly status: number;
  /** The whole answer, head and body as far as it has come. */
  answer(): string;
  send(frame: Buffer): void;
  /** Opcodes of the frames received so far. */
  opcodes(): readonly number[];
  /** Settles when the connection is gone: its close code, 1006 when no close frame came. */
  readonly closed: Promise<number>;
}

export interface FrameShape {
  readonly opcode: number;
  readonly payload?: string | Buffer;
  readonly isFinal?: boolean;
  readonly isMasked?: boolean;
  /** The three reserved bits, 0 to 7. */
  readonly reserved?: number;
  /** Claim this length in the header, whatever the payload is. */
  readonly claimedLength?: bigint;
}

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;

/** The bytes of one frame, as right or wrong as asked for. */
export function frame(shape: FrameShape): Buffer {
  const { opcode, isFinal = true, isMasked = true, reserved = 0 } = shape;
  const payload = Buffer.from(shape.payload ?? '');
  const length = shape.claimedLength ?? BigInt(payload.length);
  const head = [(isFinal ? 0x80 : 0) | (reserved << 4) | opcode];
  const maskBit = isMasked ? 0x80 : 0;
  const extended = Buffer.alloc(length < 126n ? 0 : length < 65_536n ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(Number(length));
  if (extended.length === 8) extended.writeBigUInt64BE(length);
  head.push(maskBit | (extended.length === 0 ? Number(length) : extended.length === 2 ? 126 : 127));
  const mask = isMasked ? Buffer.from([1, 2, 3, 4]) : Buffer.alloc(0);
  const masked = isMasked ? payload.map((byte, i) => byte ^ ((i % 4) + 1)) : payload;
  return Buffer.concat([Buffer.from(head), extended, mask, masked]);
}

/** Connects and asks for the upgrade; resolves with the answer, whatever it is. */
export function dial(port: number, path: string, headers: Readonly<Record<string, string>> = {}): Promise<RawPeer> {
  const socket = connect({ host: '127.0.0.1', port });
  const all = {
    host: `127.0.0.1:${port}`,
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.write([`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'));

  let received = Buffer.alloc(0);
  let bodyAt = -1;
  const closed = new Promise<number>((resolve) => {
    socket.on('close', () => resolve(closeCodeOf(received.subarray(Math.max(bodyAt, 0)))));
  });
  return new Promise((resolve, reject) => {
    socket.on('error', () => {}); // a reset is a way of being let go of; `closed` tells
    socket.on('close', () => reject(new Error('the connection closed before an answer')));
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      if (bodyAt >= 0) return;
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      bodyAt = end + 4;
      resolve({
        socket,
        status: Number(received.subarray(9, 12).toString()),
        answer: () => received.toString(),
        send: (bytes) => void socket.write(bytes),
        opcodes: () => framesIn(received.subarray(bodyAt)).map(({ opcode }) => opcode),
        closed,
      });
    });
  });
}

function closeCodeOf(bytes: Buffer): number {
  const closing = framesIn(bytes).find(({ opcode }) => opcode === CLOSE);
  if (!closing) return 1006;
  return closing.payload.length >= 2 ? closing.payload.readUInt16BE() : 1005;
}

/** The server's frames: never masked, and short in these tests. */
function framesIn(bytes: Buffer): readonly { readonly opcode: number; readonly payload: Buffer }[] {
  const frames: { opcode: number; payload: Buffer }[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const size = short === 127 ? 8 : short === 126 ? 2 : 0;
    if (at + 2 + size > bytes.length) break;
    const length = size === 8 ? Number(bytes.readBigUInt64BE(at + 2)) : size === 2 ? bytes.readUInt16BE(at + 2) : short;
    const from = at + 2 + size;
    frames.push({ opcode: (bytes[at] ?? 0) & 0x0f, payload: bytes.subarray(from, from + length) });
    at = from + length;
  }
  return frames;
}

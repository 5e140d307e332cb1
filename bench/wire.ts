import { Buffer } from 'node:buffer';

/**
 * WebSocket frames by hand: a library on the generator's side would mask every byte of every frame anew, and the
 * generator must cost less than the servers it measures.
 *
 * @source RFC 6455, section 5.2
 */

const TEXT = 0x81;
const PONG = 0x8a;
const IS_MASKED = 0x80;

export const OPCODE = { text: 1, close: 8, ping: 9 } as const;

/** A client's text frame, masked once and for all with a key that is not zero, so that the server must unmask it. */
export function printMasked(text: string, key: number): Buffer {
  return maskedFrame(TEXT, Buffer.from(text), key);
}

export function printPong(payload: Buffer): Buffer {
  return maskedFrame(PONG, payload, 0x51a7_93c5);
}

function maskedFrame(first: number, payload: Buffer, key: number): Buffer {
  const extra = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
  const at = 2 + extra + 4;
  const frame = Buffer.allocUnsafe(at + payload.length);
  frame[0] = first;
  frame[1] = IS_MASKED | (extra === 0 ? payload.length : extra === 2 ? 126 : 127);
  if (extra === 2) frame.writeUInt16BE(payload.length, 2);
  if (extra === 8) frame.writeBigUInt64BE(BigInt(payload.length), 2);
  frame.writeUInt32LE(key >>> 0, at - 4);
  masked(payload, key).copy(frame, at, 0, payload.length);
  return frame;
}

/** Four bytes at a time, in this machine's own order: hundreds of megabytes are printed for one run. */
function masked(payload: Buffer, key: number): Buffer {
  const words = new Uint32Array(Math.ceil(payload.length / 4));
  const bytes = Buffer.from(words.buffer);
  payload.copy(bytes);
  for (let index = 0; index < words.length; index++) words[index] = (words[index] ?? 0) ^ key;
  return bytes;
}

/** Takes one frame of the server's: where its payload lies in `bytes`. Nothing is copied. */
export type OnFrame = (opcode: number, bytes: Buffer, from: number, to: number) => void;

/** Cuts a server's stream into frames. Servers never mask, and ours and the bare ones never fragment. */
export function frameReader(onFrame: OnFrame): (bytes: Buffer) => void {
  let rest: Buffer | undefined;
  return (received) => {
    const bytes = rest ? Buffer.concat([rest, received]) : received;
    let at = 0;
    while (at + 2 <= bytes.length) {
      let length = (bytes[at + 1] ?? 0) & 127;
      let head = 2;
      if (length === 126) {
        head = 4;
        if (at + head > bytes.length) break;
        length = bytes.readUInt16BE(at + 2);
      } else if (length === 127) {
        head = 10;
        if (at + head > bytes.length) break;
        length = Number(bytes.readBigUInt64BE(at + 2));
      }
      const end = at + head + length;
      if (end > bytes.length) break;
      onFrame((bytes[at] ?? 0) & 15, bytes, at + head, end);
      at = end;
    }
    rest = at < bytes.length ? bytes.subarray(at) : undefined;
  };
}

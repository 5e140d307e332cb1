/**
 * Retell sends several `update_only` a second, each with the whole transcript, and each replaces the one before. Most
 * are overtaken before anyone wants to read them; unmasked, joined and checked they would cost more than all else we do
 * for a call. This looks at frame headers and at the first bytes of each text frame; an update waits here, as the bytes
 * it came in, until something else follows it; an ask that can be read makes it useless. Everything else about
 * WebSockets is the library's.
 */
import { freeBytes } from '../std/bytes.ts';

/** As Retell prints them; a frame that is printed otherwise is passed on like any other. */
const OPENINGS = {
  update: Buffer.from('{"interaction_type":"update_only"'),
  ask: Buffer.from('{"interaction_type":"response_required"'),
  reminder: Buffer.from('{"interaction_type":"reminder_required"'),
} as const;
const LONGEST_OPENING = OPENINGS.ask.length;
/** FIN and text, without extensions: a whole message. */
const WHOLE_TEXT = 0x81;
const MASKED = 0x80;
const MASK_BYTES = 4;
/** What the library would refuse, or has limits of its own for, is left to it. */
const MAX_UPDATE_BYTES = 8 * 1024 * 1024;
const MAX_PIECES = 1_024;

export interface UpdateSieve {
  /** Takes bytes as they came from the peer, and with them their memory. */
  feed(bytes: Buffer): void;
  /** Passes the waiting update on, once no other frame is half passed; false when none waits. */
  pull(): boolean;
  /** The waiting update, if there is one, is of no more use: what followed it says all it says. */
  forget(): void;
}

export interface UpdateSieveOptions {
  /** Gets the bytes of every frame that is passed on, in order. */
  readonly pass: (bytes: Buffer) => void;
  /** An update waits; it may have overtaken another. */
  readonly onWaiting: () => void;
  /** Whether updates may wait now; else all is passed on. */
  readonly maySift: () => boolean;
}

interface Judged {
  /** Bytes of the frame, its header included. */
  readonly size: number;
  /** An ask has the whole transcript: when it can be read, an update that waits is of no more use. */
  readonly kind: 'update' | 'ask' | 'other';
}

/** Makes a sieve for one peer. */
export function createUpdateSieve({ pass, onWaiting, maySift }: UpdateSieveOptions): UpdateSieve {
  /** The beginning of a frame, too short to be judged. */
  let unjudged: Buffer | undefined;
  /** Bytes that are still to come of the frame that is coming in. */
  let left = 0;
  /** What has come of it, when it is an update; undefined while a frame is passed on. */
  let gathered: Buffer[] | undefined;
  /** The newest whole update. */
  let waiting: readonly Buffer[] | undefined;
  /** It was asked for in the middle of another frame. */
  let isWanted = false;

  return {
    feed(received) {
      const bytes = unjudged ? Buffer.concat([unjudged, received]) : received;
      unjudged = undefined;
      for (let at = 0; at < bytes.length; ) {
        if (left === 0) {
          const frame = judge(bytes, at);
          if (!frame) {
            unjudged = bytes.subarray(at);
            return;
          }
          left = frame.size;
          gathered = frame.kind === 'update' && maySift() ? [] : undefined;
          if (!gathered && frame.kind !== 'ask') handOn();
        }
        const end = Math.min(bytes.length, at + left);
        left -= end - at;
        // A view of all of it would be one more object that stays.
        take(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
        at = end;
      }
    },
    pull() {
      if (!waiting) return false;
      if (left > 0 && !gathered) isWanted = true;
      else handOn();
      return true;
    },
    forget: overtake,
  };

  function overtake(): void {
    for (const piece of waiting ?? []) freeBytes(piece);
    waiting = undefined;
  }

  function take(piece: Buffer): void {
    if (!gathered) {
      pass(piece);
      if (left === 0 && isWanted) handOn();
      return;
    }
    gathered.push(piece);
    if (left === 0) {
      overtake();
      // A list that grew has room for many more, and this one stays.
      waiting = gathered.slice();
      gathered = undefined;
      onWaiting();
    } else if (gathered.length > MAX_PIECES) {
      const pieces = gathered;
      gathered = undefined;
      handOn();
      for (const each of pieces) pass(each);
    }
  }

  function handOn(): void {
    const pieces = waiting;
    waiting = undefined;
    isWanted = false;
    for (const piece of pieces ?? []) pass(piece);
  }
}

/** The frame that begins at `at`; undefined while that cannot be said. */
function judge(bytes: Buffer, at: number): Judged | undefined {
  const has = bytes.length - at;
  if (has < 2) return undefined;
  const second = bytes.readUInt8(at + 1);
  const short = second & ~MASKED;
  const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
  const headerBytes = 2 + lengthBytes + (second & MASKED ? MASK_BYTES : 0);
  if (has < headerBytes) return undefined;
  const payloadBytes = lengthBytes === 0 ? short : lengthOf(bytes, at + 2, lengthBytes);
  const size = headerBytes + payloadBytes;
  const isNone = payloadBytes > MAX_UPDATE_BYTES || payloadBytes < LONGEST_OPENING;
  if (bytes.readUInt8(at) !== WHOLE_TEXT || (second & MASKED) === 0 || isNone) return { size, kind: 'other' };
  const payloadAt = at + headerBytes;
  if (has < headerBytes + LONGEST_OPENING) return undefined;
  if (opens(bytes, payloadAt, OPENINGS.update)) return { size, kind: 'update' };
  const isAsk = opens(bytes, payloadAt, OPENINGS.ask) || opens(bytes, payloadAt, OPENINGS.reminder);
  return { size, kind: isAsk ? 'ask' : 'other' };
}

function lengthOf(bytes: Buffer, at: number, lengthBytes: 2 | 8): number {
  // Beyond 2^53 the sum is not exact, and no such frame will ever be whole.
  return lengthBytes === 2 ? bytes.readUInt16BE(at) : bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}

/** Whether the masked payload at `at` begins so; the mask stands right before it. */
function opens(bytes: Buffer, at: number, opening: Buffer): boolean {
  // The end first: the beginnings are the same.
  for (let index = opening.length - 1; index >= 0; index--) {
    if (((bytes[at + index] ?? 0) ^ (bytes[at - MASK_BYTES + (index & 3)] ?? 0)) !== opening[index]) return false;
  }
  return true;
}

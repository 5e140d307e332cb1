import type { Transcript } from '../call/transcript.ts';

/** The bytes of a frame's utterances, where each of them ends among these, and what they say. */
export interface HeldUtterances {
  /** May have room behind the last end. */
  readonly body: Buffer;
  /** Behind each utterance's `}`, counted from the first byte behind the list's `[`. */
  readonly ends: number[];
  transcript: Transcript;
}

/** A frame beside what is held: `head` up to the list's `[`, then `shared` utterances that are the same, then the seam. */
export interface Cut {
  readonly bytes: Buffer;
  /** Of ASCII characters alone, so that its length counts bytes. */
  readonly head: string;
  /** How many utterances at the front are held already; `seam` is the index behind the last of them. */
  readonly shared: number;
  readonly seam: number;
}

/**
 * One frame's utterances are held for a call, with a quarter of room to grow: about 11 KiB after a minute of talk,
 * 115 KiB after ten, 700 KiB after an hour. Beyond this limit (two hours are 1.1 MiB) none are and every ask is parsed
 * in full, so that no peer makes us keep its 8 MiB.
 */
const MAX_HELD_BYTES = 2 * 1024 * 1024;
/** A body may be twice as large as needed and this much more before a smaller one takes its place. */
const SPARE_BYTES = 4_096;

/** Finds where a frame that begins with `head` stops being the same as what is held. */
export function cutFrame(bytes: Buffer, head: string, held: HeldUtterances | undefined): Cut {
  const shared = held ? countShared(held, bytes, head.length) : 0;
  const end = shared > 0 ? held?.ends[shared - 1] : 0;
  return { bytes, head, shared, seam: head.length + (end ?? 0) };
}

/** Compares whole utterances only; the last seam before the first difference is found by halving. */
function countShared({ body, ends }: HeldUtterances, bytes: Buffer, bodyStart: number): number {
  const room = bytes.length - bodyStart;
  let same = 0;
  let most = ends.length;
  // Most often the last one has grown, or one was added.
  let probe = Math.max(1, most - 1);
  while (same < most) {
    const from = same === 0 ? 0 : (ends[same - 1] ?? 0);
    const to = ends[probe - 1] ?? 0;
    if (to <= room && bytes.compare(body, from, to, bodyStart + from, bodyStart + to) === 0) same = probe;
    else most = probe - 1;
    probe = (same + most + 1) >> 1;
  }
  return same;
}

/**
 * Holds this frame instead of the one before; the bytes before the seam are there already.
 *
 * @param ends the indices in `cut.bytes` behind each utterance after the seam
 * @returns undefined when there is nothing to hold, or too much
 */
export function holdUtterances(
  held: HeldUtterances | undefined,
  { bytes, head, shared, seam }: Cut,
  ends: readonly number[],
  transcript: Transcript,
): HeldUtterances | undefined {
  const bodyStart = head.length;
  const bodyEnd = ends.at(-1) ?? seam;
  const needed = bodyEnd - bodyStart;
  if (needed === 0 || needed > MAX_HELD_BYTES) return undefined;
  const fits = held && held.body.length >= needed && held.body.length <= 2 * needed + SPARE_BYTES;
  // Not from the pool: a slice of it would keep all of it.
  const body = fits ? held.body : Buffer.allocUnsafeSlow(needed + (needed >> 2));
  const from = fits ? seam : bodyStart;
  bytes.copy(body, from - bodyStart, from, bodyEnd);
  const allEnds = held?.ends ?? [];
  allEnds.length = shared;
  for (const end of ends) allEnds.push(end - bodyStart);
  if (!fits) return { body, ends: allEnds, transcript };
  held.transcript = transcript;
  return held;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Finds where the objects of a list end; only for bytes that are known to be JSON.
 *
 * @param from a place between two items of the list
 * @param ends gets the index behind each object
 * @returns the index of the list's `]`; -1 without one
 */
export function findEnds(bytes: Buffer, from: number, ends: number[]): number {
  let depth = 0;
  for (let i = from; i < bytes.length; i++) {
    switch (bytes[i]) {
      case QUOTE:
        for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        depth++;
        break;
      case CLOSE_LIST:
        if (depth === 0) return i;
        depth--;
        break;
      case CLOSE_OBJECT:
        depth--;
        if (depth === 0) ends.push(i + 1);
        break;
      default:
    }
  }
  return -1;
}

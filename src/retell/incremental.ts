/**
 * Decodes the frames of one socket by what changed. Every frame of a call carries the whole transcript with its word
 * timings; here the utterances that are byte for byte those of a frame before are not parsed again.
 *
 * Why a cut frame decodes as the whole one: behind the `[` of a list JSON is read the same wherever that list stands, so
 * bytes that were whole utterances in a frame that could be parsed are the same whole utterances at the front of the
 * next one. In their place one `null` is parsed, between all that stands before the list and all that stands behind the
 * seam: that text is JSON if, and only if, the frame is. Either side of the seam is ASCII, so bad UTF-8 is mended
 * alike. What could still tell the two apart is a second transcript in the frame; where there may be one, the frame is
 * parsed in full.
 */
import type { Transcript } from '../call/transcript.ts';
import { type CallDetails, type InboundFrame, type ParsedFrame, parseFrame } from './frames.ts';
import { type Cut, cutFrame, findEnds, type HeldUtterances, holdUtterances } from './held-utterances.ts';
import { toTranscript, transcriptOf } from './translate.ts';

type Malformed = Extract<ParsedFrame, { kind: 'malformed' }>;

/** A frame as the call needs it: what `parseFrame` and `transcriptOf` say of its text, without the words' timings. */
export type DecodedFrame =
  | { readonly kind: 'ping'; readonly timestamp: number }
  | { readonly kind: 'details'; readonly call: CallDetails }
  | {
      readonly kind: 'ask';
      readonly ask: 'response' | 'reminder';
      readonly responseId: number;
      /** Undefined when it could not be read: the ask is still owed an answer. */
      readonly transcript: Transcript | undefined;
    }
  /** An `update_only`: kept, most often unread, until `readUpdate`, a newer one or an ask with a transcript. */
  | { readonly kind: 'update' }
  | { readonly kind: 'ignored' }
  | Malformed;

/** What a kept update says. */
export type DecodedUpdate = { readonly kind: 'heard'; readonly transcript: Transcript | undefined } | Malformed;

export interface FrameDecoder {
  /**
   * Decodes the next frame of the socket; never throws.
   *
   * @param bytes a whole text frame; it may be kept without a copy, so nobody may write to it afterwards
   */
  decode(bytes: Buffer): DecodedFrame;
  /**
   * Hands out the newest update, once; undefined when there is none that no ask has overtaken. One that was dropped
   * for a newer one may never have been parsed, nor judged malformed. An ask whose transcript cannot be read leaves
   * the update where it is: read it before passing such an ask on.
   */
  readUpdate(): DecodedUpdate | undefined;
  /** Lets go of all bytes: the next frame with a transcript is parsed in full. A kept update is read, not lost. */
  release(): void;
  /** Bytes kept by now, at most; the decoded transcript is the call's own and not counted. */
  readonly heldBytes: number;
}

/** An update with more news than this (some two minutes of talk) is parsed at once, and compared with from then on. */
const MAX_UNREAD_BYTES = 16 * 1024;
/** The most an update that cannot be cut may have to be kept as it came; a woven one of two hours has 2.2 MiB. */
const MAX_WHOLE_BYTES = 4 * 1024 * 1024;
/** Retell's frames have under 100 bytes before their transcript. */
const MAX_HEAD_BYTES = 512;

const PING = /^\{"interaction_type":"ping_pong","timestamp":(0|[1-9]\d{0,14})\}$/;
/** Plain members, without escapes, up to the first key that begins with `transcript`: that one, and a list. */
const HEAD =
  /^[ \t\r\n]*\{(?:[ \t\r\n]*"(?!transcript)[ !#-[\]-~]*"[ \t\r\n]*:[ \t\r\n]*(?:"[ !#-[\]-~]*"|[-+.\w]+)[ \t\r\n]*,)*[ \t\r\n]*"transcript"[ \t\r\n]*:[ \t\r\n]*\[/;
const UPDATE_START = /^[ \t\r\n]*\{[ \t\r\n]*"interaction_type"[ \t\r\n]*:[ \t\r\n]*"update_only"/;
const TYPE_KEY = '"interaction_type"';
/** Of `transcript` and `transcript_with_tool_calls`. */
const TRANSCRIPT_KEY = '"transcript';
/** Our keys are ASCII: one that is spelled with escapes has this in it. */
const ASCII_ESCAPE = '\\u00';

const UPDATE = { kind: 'update' } as const;

type Outcome = Exclude<DecodedFrame, { kind: 'update' }> | DecodedUpdate;
type SpokenFrame = Parameters<typeof transcriptOf>[0];

type KeptUpdate =
  | { readonly kind: 'read'; readonly outcome: DecodedUpdate }
  /** `text` has a null in place of the first `shared` utterances of `known`. */
  | { readonly kind: 'cut'; readonly text: string; readonly known: Transcript; readonly shared: number }
  | { readonly kind: 'whole'; readonly bytes: Buffer };

/** A decoder for the frames of one socket, in the order they come. */
export function createFrameDecoder(): FrameDecoder {
  let held: HeldUtterances | undefined;
  let kept: KeptUpdate | undefined;
  /** The last transcript could not be cut (it was woven, say), so the next one will hardly be. */
  let isPeculiar = false;

  return {
    decode(bytes) {
      const start = bytes.toString('latin1', 0, MAX_HEAD_BYTES);
      const ping = start.length === bytes.length ? PING.exec(start) : null;
      if (ping) return { kind: 'ping', timestamp: Number(ping[1]) };
      const head = HEAD.exec(start)?.[0];
      const cut = head === undefined ? undefined : cutFrame(bytes, head, held);
      const unread = keepUnread(bytes, start, cut);
      if (unread) {
        kept = unread;
        return UPDATE;
      }
      const outcome = cut ? decodeCut(cut) : decodeWhole(bytes);
      if (outcome.kind === 'heard') {
        kept = { kind: 'read', outcome };
        return UPDATE;
      }
      if (outcome.kind === 'ask' && outcome.transcript) kept = undefined;
      return outcome;
    },
    readUpdate() {
      const outcome = kept && readKept(kept);
      kept = undefined;
      return outcome;
    },
    release() {
      held = undefined;
      const outcome = kept && readKept(kept);
      kept = outcome && { kind: 'read', outcome };
    },
    get heldBytes() {
      return (held?.body.buffer.byteLength ?? 0) + sizeOf(kept);
    },
  };

  /** An update to be parsed when somebody asks; undefined for any other frame, or when only parsing can tell. */
  function keepUnread(bytes: Buffer, start: string, cut: Cut | undefined): KeptUpdate | undefined {
    const typed = UPDATE_START.exec(start)?.[0].length;
    if (typed === undefined) return undefined;
    if (isPeculiar) {
      if (bytes.length > MAX_WHOLE_BYTES) return undefined;
      if (bytes.includes(TYPE_KEY, typed) || bytes.includes(ASCII_ESCAPE, typed)) return undefined;
      return { kind: 'whole', bytes: ownBytes(bytes) };
    }
    if (!held || !cut || cut.shared === 0 || bytes.length - cut.seam > MAX_UNREAD_BYTES) return undefined;
    const tail = bytes.toString('utf8', cut.seam);
    const isPlain = ![TYPE_KEY, TRANSCRIPT_KEY, ASCII_ESCAPE].some((sign) => tail.includes(sign));
    if (!isPlain || cut.head.includes(TYPE_KEY, typed)) return undefined;
    return { kind: 'cut', text: `${cut.head}null${tail}`, known: held.transcript, shared: cut.shared };
  }

  function decodeCut(cut: Cut): Outcome {
    const { bytes, head, shared, seam } = cut;
    const parsed = parseFrame(shared > 0 ? `${head}null${bytes.toString('utf8', seam)}` : bytes.toString());
    if (parsed.kind !== 'frame') return parsed;
    const { frame } = parsed;
    if (!isSpoken(frame)) return toOutcome(frame, undefined);
    const ends: number[] = [];
    const close = frame.transcript_with_tool_calls ? -1 : findEnds(bytes, seam, ends);
    if (close < 0 || bytes.includes(TRANSCRIPT_KEY, close) || bytes.includes('\\', close)) {
      return shared > 0 ? decodeWhole(bytes) : decodePeculiar(frame);
    }
    isPeculiar = false;
    const transcript = shared > 0 && held ? join(held.transcript, shared, frame) : transcriptOf(frame);
    // An item that cannot be read is in the bytes and not in the transcript: then nothing says which end is whose.
    const isWhole = transcript?.length === shared + ends.length;
    held = isWhole ? holdUtterances(held, cut, ends, transcript) : undefined;
    return toOutcome(frame, transcript);
  }

  function decodeWhole(bytes: Buffer): Outcome {
    const parsed = parseFrame(bytes.toString());
    if (parsed.kind !== 'frame') return parsed;
    return isSpoken(parsed.frame) ? decodePeculiar(parsed.frame) : toOutcome(parsed.frame, undefined);
  }

  function decodePeculiar(frame: SpokenFrame): Outcome {
    isPeculiar = true;
    held = undefined;
    return toOutcome(frame, transcriptOf(frame));
  }
}

function isSpoken(frame: InboundFrame): frame is SpokenFrame {
  return frame.interaction_type !== 'ping_pong' && frame.interaction_type !== 'call_details';
}

function toOutcome(frame: InboundFrame, transcript: Transcript | undefined): Outcome {
  switch (frame.interaction_type) {
    case 'ping_pong':
      return { kind: 'ping', timestamp: frame.timestamp };
    case 'call_details':
      return { kind: 'details', call: frame.call };
    case 'update_only':
      return { kind: 'heard', transcript };
    case 'response_required':
      return { kind: 'ask', ask: 'response', responseId: frame.response_id, transcript };
    case 'reminder_required':
      return { kind: 'ask', ask: 'reminder', responseId: frame.response_id, transcript };
    default:
      return frame satisfies never;
  }
}

function readKept(update: KeptUpdate): DecodedUpdate | undefined {
  if (update.kind === 'read') return update.outcome;
  const parsed = parseFrame(update.kind === 'cut' ? update.text : update.bytes.toString());
  if (parsed.kind === 'malformed') return parsed;
  // It was told to be an update before it was kept: nothing else can come of it.
  if (parsed.kind === 'ignored' || parsed.frame.interaction_type !== 'update_only') return undefined;
  if (update.kind === 'whole') return { kind: 'heard', transcript: transcriptOf(parsed.frame) };
  return { kind: 'heard', transcript: join(update.known, update.shared, parsed.frame) };
}

/** The transcript of a frame that was parsed with a null in place of what is known. */
function join(known: Transcript, shared: number, { transcript: rest = [] }: SpokenFrame): Transcript {
  return [...known.slice(0, shared), ...toTranscript(rest)];
}

/** The bytes themselves, unless they are a view that would keep much else with it. */
function ownBytes(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength <= 2 * bytes.length) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}

function sizeOf(update: KeptUpdate | undefined): number {
  switch (update?.kind) {
    case 'cut':
      return 2 * update.text.length;
    case 'whole':
      return update.bytes.buffer.byteLength;
    default:
      return 0;
  }
}

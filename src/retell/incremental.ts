/**
 * Decodes the frames of one socket by what changed. Every frame of a call carries the whole transcript with its word
 * timings, and a woven one beside it when the agent hears digits; here what is byte for byte as in a frame before is not
 * parsed again.
 */
import type { Transcript, Utterance } from '../call/transcript.ts';
import { cutFrame, type FrameCut } from './frame-cut.ts';
import { type CallDetails, type InboundFrame, type ParsedFrame, parseFrame } from './frames.ts';
import { createHeldList } from './held-list.ts';
import { chooseTranscript, toTranscript, toWoven, type WovenItem } from './translate.ts';

type Malformed = Extract<ParsedFrame, { kind: 'malformed' }>;

/** A frame as the call needs it: what `parseFrame` and `chooseTranscript` say of its text, without the words' timings. */
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
  /** An `update_only`: kept until `readUpdate`, a newer one or an ask with a transcript. */
  | { readonly kind: 'update' }
  | { readonly kind: 'ignored' }
  | Malformed;

export interface FrameDecoder {
  /**
   * Decodes the next frame of the socket; never throws.
   *
   * @param bytes a whole text frame; not kept
   */
  decode(bytes: Buffer): DecodedFrame;
  /**
   * Hands out what the newest update says, once; undefined when that could not be read, or an ask has overtaken it. An
   * ask whose transcript cannot be read leaves the update where it is: read it before passing such an ask on.
   */
  readUpdate(): Transcript | undefined;
  /** Lets go of all bytes: the next frame with a transcript is parsed in full. A kept update is not lost. */
  release(): void;
  /** Bytes of frames kept by now. */
  readonly heldBytes: number;
}

const PING = /^\{"interaction_type":"ping_pong","timestamp":(0|[1-9]\d{0,14})\}$/;
const MAX_PING_BYTES = 64;

type SpokenFrame = Extract<InboundFrame, { transcript?: unknown }>;

/** A decoder for the frames of one socket, in the order they come. */
export function createFrameDecoder(): FrameDecoder {
  const held = { transcript: createHeldList<Utterance>(), transcript_with_tool_calls: createHeldList<WovenItem>() };
  let update: Transcript | undefined;

  return {
    decode(bytes) {
      const ping = bytes.length <= MAX_PING_BYTES ? PING.exec(bytes.toString('latin1')) : null;
      if (ping) return { kind: 'ping', timestamp: Number(ping[1]) };
      const cut = cutFrame(bytes, held);
      const parsed = parseFrame(cut ? cut.text : bytes.toString());
      if (parsed.kind !== 'frame') return parsed;
      const { frame } = parsed;
      switch (frame.interaction_type) {
        case 'ping_pong':
          return { kind: 'ping', timestamp: frame.timestamp };
        case 'call_details':
          return { kind: 'details', call: frame.call };
        case 'update_only':
          update = hear(frame, bytes, cut);
          return { kind: 'update' };
        case 'response_required':
        case 'reminder_required': {
          const ask = frame.interaction_type === 'response_required' ? 'response' : 'reminder';
          const transcript = hear(frame, bytes, cut);
          if (transcript) update = undefined;
          return { kind: 'ask', ask, responseId: frame.response_id, transcript };
        }
        default:
          return frame satisfies never;
      }
    },
    readUpdate() {
      const newest = update;
      update = undefined;
      return newest;
    },
    release() {
      held.transcript.release();
      held.transcript_with_tool_calls.release();
    },
    get heldBytes() {
      return held.transcript.heldBytes + held.transcript_with_tool_calls.heldBytes;
    },
  };

  function hear(frame: SpokenFrame, bytes: Buffer, cut: FrameCut | undefined): Transcript | undefined {
    const { transcript, transcript_with_tool_calls: woven } = cut?.lists ?? {};
    const said = frame.transcript && toTranscript(frame.transcript);
    const items = frame.transcript_with_tool_calls && toWoven(frame.transcript_with_tool_calls);
    return chooseTranscript(
      transcript ? held.transcript.take(bytes, transcript, said) : said,
      woven ? held.transcript_with_tool_calls.take(bytes, woven, items) : items,
    );
  }
}

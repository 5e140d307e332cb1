import { isDeepStrictEqual } from 'node:util';
import type { Transcript } from '../call/transcript.ts';
import { type InboundFrame, parseFrame } from './frames.ts';
import { createFrameDecoder, type DecodedFrame } from './incremental.ts';
import { chooseTranscript, toTranscript, toWoven } from './translate.ts';

type SpokenFrame = Extract<InboundFrame, { transcript?: unknown }>;
type Plain = Exclude<DecodedFrame, { kind: 'update' }> | { readonly kind: 'update'; readonly transcript: unknown };

/** The transcript of a frame; undefined when it could not be read. */
export function transcriptOf({ transcript, transcript_with_tool_calls: woven }: SpokenFrame): Transcript | undefined {
  return chooseTranscript(transcript && toTranscript(transcript), woven && toWoven(woven));
}

/** What a frame says when all of it is parsed, whatever came before. */
function decodePlainly(bytes: Buffer): Plain {
  const parsed = parseFrame(bytes.toString());
  if (parsed.kind !== 'frame') return parsed;
  const { frame } = parsed;
  switch (frame.interaction_type) {
    case 'ping_pong':
      return { kind: 'ping', timestamp: frame.timestamp };
    case 'call_details':
      return { kind: 'details', call: frame.call };
    case 'update_only':
      return { kind: 'update', transcript: transcriptOf(frame) };
    case 'response_required':
      return { kind: 'ask', ask: 'response', responseId: frame.response_id, transcript: transcriptOf(frame) };
    case 'reminder_required':
      return { kind: 'ask', ask: 'reminder', responseId: frame.response_id, transcript: transcriptOf(frame) };
    default:
      return frame satisfies never;
  }
}

/** Decodes a socket's frames both ways, and throws at the first that differs. */
export class BothWays {
  readonly decoder = createFrameDecoder();
  #update: unknown;

  decode(bytes: Buffer): DecodedFrame {
    const plain = decodePlainly(bytes);
    const decoded = this.decoder.decode(bytes);
    same(decoded, plain.kind === 'update' ? { kind: 'update' } : plain, bytes);
    if (plain.kind === 'update') this.#update = plain.transcript;
    if (plain.kind === 'ask' && plain.transcript) this.#update = undefined;
    return decoded;
  }

  readUpdate(): Transcript | undefined {
    const update = this.decoder.readUpdate();
    same(update, this.#update, Buffer.from('the update kept'));
    this.#update = undefined;
    return update;
  }
}

function same(decoded: unknown, plain: unknown, bytes: Buffer): void {
  if (isDeepStrictEqual(decoded, plain)) return;
  throw new Error(
    `decoded by what changed: ${JSON.stringify(decoded)}\nplainly: ${JSON.stringify(plain)}\nof ${bytes.toString()}`,
  );
}

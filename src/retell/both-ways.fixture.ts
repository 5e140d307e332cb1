import { isDeepStrictEqual } from 'node:util';
import { parseFrame } from './frames.ts';
import { createFrameDecoder, type DecodedFrame, type DecodedUpdate } from './incremental.ts';
import { transcriptOf } from './translate.ts';

type Plain = Exclude<DecodedFrame, { kind: 'update' }> | DecodedUpdate;

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
      return { kind: 'heard', transcript: transcriptOf(frame) };
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
  #update: Plain | undefined;

  decode(bytes: Buffer): DecodedFrame {
    const plain = decodePlainly(bytes);
    const decoded = this.decoder.decode(bytes);
    // What began as an update may prove malformed when it is read; nothing else may be put off.
    if (plain.kind === 'heard' || (plain.kind === 'malformed' && decoded.kind === 'update')) {
      same(decoded, { kind: 'update' }, bytes);
      this.#update = plain;
    } else {
      same(decoded, plain, bytes);
      if (plain.kind === 'ask' && plain.transcript) this.#update = undefined;
    }
    return decoded;
  }

  readUpdate(): void {
    same(this.decoder.readUpdate(), this.#update, Buffer.from('the update kept'));
    this.#update = undefined;
  }
}

function same(decoded: unknown, plain: unknown, bytes: Buffer): void {
  if (isDeepStrictEqual(decoded, plain)) return;
  throw new Error(
    `decoded by what changed: ${JSON.stringify(decoded)}\nplainly: ${JSON.stringify(plain)}\nof ${bytes.toString()}`,
  );
}

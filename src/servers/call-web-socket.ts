import { WebSocket } from 'ws';
import type { SiftedTransport } from './sifted-transport.ts';
import type { CallSocket } from './socket.ts';

/**
 * A socket that the library cannot close. Any close frame ends the caller's call, so whatever `ws` would close with one
 * (a frame too large, bad UTF-8, a bad opcode) is let go of without; Retell sees 1006 and dials back.
 */
export class CallWebSocket extends WebSocket {
  #isHangingUp = false;

  /** The only close frame we ever send first: 1000, on purpose. */
  hangUp(): void {
    this.#isHangingUp = true;
    super.close(1000);
  }

  override close(code?: number, data?: string | Buffer): void {
    // Answering the peer's own close frame is only polite: it has ended the call already. Were the field renamed, we
    // would let go without answering, which harms nobody.
    const isEcho = Reflect.get(this, '_closeFrameReceived') === true;
    if (this.#isHangingUp || isEcho) super.close(code, data);
    else this.terminate();
  }
}

/** The socket as a session may use it. Frames that are sent together leave in one write of `transport`. */
export function callSocket(webSocket: CallWebSocket, transport: SiftedTransport): CallSocket {
  let isCorked = false;
  const uncork = () => {
    if (isCorked) transport.uncork();
    isCorked = false;
  };
  return {
    send(text) {
      if (webSocket.readyState !== WebSocket.OPEN) return;
      if (!isCorked) {
        transport.cork();
        process.nextTick(uncork);
      }
      isCorked = true;
      webSocket.send(text);
    },
    pull: () => transport.pull(),
    forget: () => transport.forget(),
    terminate() {
      uncork();
      webSocket.terminate();
    },
    hangUp: () => webSocket.hangUp(),
  };
}

/** The reason by which a breach of the protocol is counted; undefined for a network that failed. */
export function breachOf(error: Error): string | undefined {
  const code = 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
    case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      return 'frame.too_large';
    case 'WS_ERR_TOO_MANY_BUFFERED_PARTS':
      return 'frame.too_many_parts';
    case 'WS_ERR_INVALID_UTF8':
      return 'frame.bad_utf8';
    default:
      return code.startsWith('WS_ERR_') ? 'frame.bad_protocol' : undefined;
  }
}

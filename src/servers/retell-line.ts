import { parseFrame, printFrame } from '../retell/frames.ts';
import { framesOf, transcriptOf, variablesOf } from '../retell/translate.ts';
import type { Line, LineInfo, LineListener } from '../session/line.ts';
import type { Clock } from '../std/clock.ts';
import type { Log } from '../std/log.ts';
import type { CallSocket, SocketListener } from './socket.ts';

export interface RetellLineOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the caller's key presses are wanted: they come only in the woven transcript, which doubles the frames. */
  readonly hearsDigits: boolean;
  readonly onMalformed: (reason: string) => void;
  readonly accept: (line: Line, info: LineInfo) => LineListener;
}

/**
 * Retell sends call_details as soon as it is asked to and pings every 2 s from then on; silence for this long, at first
 * or between two pings, means the peer is gone without a word.
 */
const PEER_DEAD_AFTER_MS = 5_000;

/**
 * Speaks Retell's language on one socket: config first, pings echoed before any other work, frames parsed and
 * translated for the session, its effects printed. A frame that cannot be read is counted and passed over.
 */
export function speakRetell(socket: CallSocket, info: LineInfo, options: RetellLineOptions): SocketListener {
  const { clock, log, hearsDigits } = options;
  let cancelWatch = () => {};
  let hasHeard = false;
  const line: Line = {
    carry(effect) {
      for (const frame of framesOf(effect)) socket.send(printFrame(frame));
    },
    terminate: () => socket.terminate(),
    hangUp: () => socket.hangUp(),
  };
  socket.send(
    printFrame({
      response_type: 'config',
      config: { auto_reconnect: true, call_details: true, ...(hearsDigits && { transcript_with_tool_calls: true }) },
    }),
  );
  watchPeer();
  const listener = options.accept(line, info);

  return {
    onText(text) {
      if (!hasHeard) cancelWatch();
      hasHeard = true;
      const parsed = parseFrame(text);
      if (parsed.kind === 'ignored') return;
      if (parsed.kind === 'malformed') {
        options.onMalformed(parsed.reason);
        log.warn({ callId: info.callId, reason: parsed.reason, field: parsed.field }, 'a frame could not be read');
        return;
      }
      const { frame } = parsed;
      switch (frame.interaction_type) {
        case 'ping_pong':
          socket.send(printFrame({ response_type: 'ping_pong', timestamp: frame.timestamp }));
          watchPeer();
          break;
        case 'call_details':
          listener.onDetails({ agentId: frame.call.agent_id, variables: variablesOf(frame.call) });
          break;
        case 'update_only': {
          const transcript = transcriptOf(frame);
          if (transcript) listener.onHeard(transcript);
          break;
        }
        case 'response_required':
          listener.onAsk('response', frame.response_id, transcriptOf(frame));
          break;
        case 'reminder_required':
          listener.onAsk('reminder', frame.response_id, transcriptOf(frame));
          break;
        default:
          frame satisfies never;
      }
    },
    onClosed() {
      cancelWatch();
      listener.onClosed();
    },
  };

  function watchPeer(): void {
    cancelWatch();
    cancelWatch = clock.after(PEER_DEAD_AFTER_MS, () => {
      log.warn({ callId: info.callId }, 'not a sign of the peer for 5 s; letting go of its socket');
      socket.terminate();
    });
  }
}

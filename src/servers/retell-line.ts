import { printFrame } from '../retell/frames.ts';
import { createFrameDecoder, type DecodedFrame } from '../retell/incremental.ts';
import { framesOf, variablesOf } from '../retell/translate.ts';
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

/** Retell sends call_details as soon as it is asked to and pings every 2 s: silence for this long means the peer is gone. */
const PEER_DEAD_AFTER_MS = 5_000;
/** So it is let go of up to this much later; a timer for every sign of it would be made anew each time. */
const WATCH_PEER_EVERY_MS = 1_000;
/** What was heard is read from an update in a pause this long, unless an ask, which brings every word, comes first. */
const READ_UPDATE_AFTER_MS = 2_000;
/** And this often in speech without one. */
const READ_UPDATE_WITHIN_MS = 10_000;
/** A silent call keeps no frame to compare the next one with. */
const RELEASE_AFTER_MS = 30_000;

/**
 * Speaks Retell's language on one socket: config first, pings echoed before any other work, frames parsed and
 * translated for the session, its effects printed. A frame that cannot be read is counted and passed over.
 */
export function speakRetell(socket: CallSocket, info: LineInfo, options: RetellLineOptions): SocketListener {
  const { clock, log, hearsDigits } = options;
  let heardAt = clock.now();
  const decoder = createFrameDecoder();
  let cancelQuiet: (() => void) | undefined;
  let spokenAt = 0;
  let readAt = heardAt;
  let unreadable: Extract<DecodedFrame, { kind: 'ask' }> | undefined;
  let hearsAtOnce = false;
  const line: Line = {
    carry(effect) {
      for (const frame of framesOf(effect)) socket.send(printFrame(frame));
    },
    hearAtOnce() {
      hearsAtOnce = true;
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
  const cancelWatch = clock.every(WATCH_PEER_EVERY_MS, watchPeer);
  const listener = options.accept(line, info);

  return {
    onFrame(bytes) {
      heardAt = clock.now();
      const frame = decoder.decode(bytes);
      switch (frame.kind) {
        case 'ping':
          socket.send(printFrame({ response_type: 'ping_pong', timestamp: frame.timestamp }));
          break;
        case 'details':
          listener.onDetails({ agentId: frame.call.agent_id, variables: variablesOf(frame.call) });
          break;
        case 'update':
          if (hearsAtOnce) hearUpdate();
          watchQuiet();
          break;
        case 'ask':
          if (frame.transcript) socket.forget();
          // What the caller said last stands in the update, which comes next: it is heard before the ask is passed on.
          else if (socket.pull()) unreadable = frame;
          if (frame !== unreadable) passOn(frame);
          break;
        case 'malformed':
          report(frame);
          break;
        case 'ignored':
          break;
        default:
          frame satisfies never;
      }
      if (unreadable && frame !== unreadable) {
        const ask = unreadable;
        unreadable = undefined;
        passOn(ask);
      }
    },
    onWaiting() {
      heardAt = clock.now();
      if (hearsAtOnce) hearUpdate();
      else watchQuiet();
    },
    onClosed() {
      cancelWatch();
      cancelQuiet?.();
      hearUpdate();
      listener.onClosed();
    },
  };

  function passOn(ask: Extract<DecodedFrame, { kind: 'ask' }>): void {
    if (!ask.transcript) hearUpdate();
    listener.onAsk(ask.ask, ask.responseId, ask.transcript);
    watchQuiet();
  }

  /** What was heard since the last ask, if an update says so and no ask has overtaken it. */
  function hearUpdate(): void {
    socket.pull();
    const transcript = decoder.readUpdate();
    if (transcript) listener.onHeard(transcript);
  }

  function report({ reason, field }: Extract<DecodedFrame, { kind: 'malformed' }>): void {
    options.onMalformed(reason);
    log.warn({ callId: info.callId, reason, field }, 'a frame could not be read');
  }

  /** Updates come several a second and each replaces the last: one is read in a pause, and after a long one none is kept. */
  function watchQuiet(): void {
    spokenAt = clock.now();
    cancelQuiet ??= clock.every(READ_UPDATE_AFTER_MS, onQuiet);
  }

  function onQuiet(): void {
    const now = clock.now();
    const quietMs = now - spokenAt;
    if (quietMs >= READ_UPDATE_AFTER_MS || now - readAt >= READ_UPDATE_WITHIN_MS) {
      readAt = now;
      hearUpdate();
    }
    if (quietMs < RELEASE_AFTER_MS) return;
    decoder.release();
    cancelQuiet?.();
    cancelQuiet = undefined;
  }

  /** Pings come every 2 s for as long as the peer lives; one that said something once and then nothing is gone. */
  function watchPeer(): void {
    if (clock.now() - heardAt < PEER_DEAD_AFTER_MS) return;
    cancelWatch();
    log.warn({ callId: info.callId }, 'not a sign of the peer for 5 s; letting go of its socket');
    socket.terminate();
  }
}

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { CallId } from '../call/call.ts';
import type { CallProver } from '../operations/prove-call.ts';
import type { LineInfo } from '../session/line.ts';
import { freeBytes } from '../std/bytes.ts';
import type { Clock } from '../std/clock.ts';
import { Fault, toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { withDeadline } from '../std/signals.ts';
import { breachOf, CallWebSocket, callSocket } from './call-web-socket.ts';
import { frameBudget, seekProof, watchSlowReader } from './guards.ts';
import { printRefusal } from './refusal.ts';
import { SiftedTransport } from './sifted-transport.ts';
import type { CallSocket, SocketListener } from './socket.ts';
import { readSocketAddress } from './socket-path.ts';

export interface SocketDoorOptions {
  /** Secrets of the path; two during rotation. Empty: the bare path is open. */
  readonly secrets: readonly string[];
  /** Every call counts as proven: on loopback, where nobody else can dial. */
  readonly trustsEveryCall: boolean;
  /** Takes the socket over; undefined lets go of it, so that Retell dials again. */
  readonly accept: (socket: CallSocket, info: LineInfo) => SocketListener | undefined;
  /** Ids of calls that ended are refused for ever. */
  readonly isEnded: (callId: CallId, signal: AbortSignal) => Promise<boolean>;
  /** Who vouches for a call that came without a secret. */
  readonly prover: CallProver;
  /** Proof came while the socket was open: to be told to everyone who holds the call, this door (`markProven`) too. */
  readonly onProven: (callId: CallId) => void;
  readonly countFrame: (reason: string) => void;
  readonly countRefused: (reason: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface SocketDoor {
  /** Listens to the HTTP server's `upgrade`. */
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Somebody vouched for the call: its socket no longer counts as unproven. */
  markProven(callId: CallId): void;
  /** Refuses every new socket, with 503. Those that are open stay. */
  stopAdmitting(): void;
  /** Lets go of every socket, without a close frame. */
  terminateAll(): void;
}

/** One limit for all: the frames of a two-hour call have room, and nobody proves a call by the size of its frames. */
const MAX_FRAME_BYTES = 8 * 1024 * 1024;
const MAX_FRAGMENTS = 1_024;
const MAX_BUFFERED_CHUNKS = 16_384;
/** How long a peer may take to answer our hang-up. */
const CLOSE_TIMEOUT_MS = 2_000;
const MAX_UNPROVEN = 50;
/** An unproven peer that says nothing is none of Retell's: its pings come every 2 s. */
const FIRST_FRAME_MS = 5_000;
/** A store that is slow to say what it knows of a call must not cost the caller the upgrade (Retell waits 7 s). */
const LOOKUP_TIMEOUT_MS = 1_000;

/** Whatever came with the upgrade, the transport has. */
const NO_HEAD = Buffer.alloc(0);

interface OpenSocket {
  readonly webSocket: CallWebSocket;
  readonly transport: SiftedTransport;
  isProven: boolean;
  /** Ends what is done about a socket only while it is unproven. */
  stopGuarding: () => void;
}

/**
 * The door for calls: judges an upgrade before it happens, turns it into a socket that can only be let go of in the
 * two ways we mean, and hands it on. Knows nothing of frames' meaning.
 */
export function createSocketDoor(options: SocketDoorOptions): SocketDoor {
  const { accept, prover, clock, log } = options;
  const lifetime = new AbortController();
  const sockets = new Map<CallId, Set<OpenSocket>>();
  let isAdmitting = true;
  let unproven = 0;
  const settings = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    closeTimeout: CLOSE_TIMEOUT_MS,
    WebSocket: CallWebSocket,
  };
  const upgrader = new WebSocketServer<typeof CallWebSocket>(settings);
  upgrader.on('wsClientError', (_error, socket) => refuse(socket, 400, 'handshake'));

  return {
    onUpgrade: (request, socket, head) => {
      socket.on('error', ignoreReset);
      judge(request, socket, head).catch((thrown: unknown) => {
        log.error({ reason: toFault(thrown, 'socket.upgrade_failed').reason }, 'an upgrade failed');
        socket.destroy();
      });
    },
    markProven,
    stopAdmitting() {
      isAdmitting = false;
    },
    terminateAll() {
      isAdmitting = false;
      lifetime.abort(new Fault('cancelled', 'socket.door_closed', 'the process is stopping'));
      for (const ofCall of sockets.values()) for (const { webSocket } of ofCall) webSocket.terminate();
    },
  };

  async function judge(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const address = readSocketAddress(request.url ?? '', options.secrets);
    if (address.kind === 'refused') return refuse(socket, 404, address.reason);
    // No browser has business here, and Retell sends no Origin.
    if (request.headers.origin !== undefined) return refuse(socket, 403, 'origin');
    if (request.headers['sec-websocket-version'] !== '13') return refuse(socket, 400, 'handshake');
    if (!isAdmitting) return refuse(socket, 503, 'draining');
    const { callId, hasSecret } = address;
    if (await known(callId, 'isEnded', options.isEnded)) return refuse(socket, 404, 'ended');

    let isProven = hasSecret || options.trustsEveryCall || (await known(callId, 'isNamed', prover.isNamed));
    if (!isProven && !hasRoom(callId)) isProven = (await prover.prove(callId, lifetime.signal)) === 'proven';
    if (!isProven && !hasRoom(callId)) return refuse(socket, 404, 'unproven');
    if (!isAdmitting) return refuse(socket, 503, 'draining');
    // Reset while the archive was asked: nobody is there any more.
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    const transport = new SiftedTransport(socket, head);
    upgrader.handleUpgrade(request, transport, NO_HEAD, (webSocket) =>
      serve(webSocket, transport, { callId, isProven }),
    );
  }

  /** What the archive knows of a call; when it does not answer, the caller is not made to wait for it. */
  async function known(
    callId: CallId,
    what: string,
    ask: (callId: CallId, signal: AbortSignal) => Promise<boolean>,
  ): Promise<boolean> {
    try {
      return await withDeadline(clock, LOOKUP_TIMEOUT_MS, 'socket.lookup_timeout', lifetime.signal, (signal) =>
        ask(callId, signal),
      );
    } catch (thrown) {
      log.warn({ callId, what, reason: toFault(thrown).reason }, 'the archive could not be asked about a call');
      return false;
    }
  }

  /** Room for one more socket that nobody vouches for: one per call, so it never displaces, and not many in all. */
  function hasRoom(callId: CallId): boolean {
    return unproven < MAX_UNPROVEN && !sockets.has(callId);
  }

  function serve(webSocket: CallWebSocket, transport: SiftedTransport, info: LineInfo): void {
    const { callId } = info;
    transport.isSifting = info.isProven;
    const socket: OpenSocket = { webSocket, transport, isProven: info.isProven, stopGuarding() {} };
    const ofCall = sockets.get(callId) ?? new Set();
    sockets.set(callId, ofCall.add(socket));
    if (!info.isProven) unproven++;
    let listener: SocketListener | undefined;
    const stopWatching = watchSlowReader(clock, webSocket, () => {
      log.warn({ callId }, 'a slow reader was let go');
      webSocket.terminate();
    });
    if (!info.isProven) guardUnproven(socket, callId);

    webSocket.on('message', (data, isBinary) => {
      if (isBinary || !Buffer.isBuffer(data)) return options.countFrame('frame.binary');
      guarded(callId, () => listener?.onFrame(data));
      freeBytes(data, headerBytesOf(data));
    });
    // Named before it is a property: else V8 keeps it, and the call with it, until a full collection.
    const onWaiting = () => guarded(callId, () => listener?.onWaiting());
    transport.onWaiting = onWaiting;
    webSocket.on('error', (error) => {
      const reason = breachOf(error);
      if (reason === undefined) return;
      options.countFrame(reason);
      log.warn({ callId, reason }, 'a frame broke the protocol; socket let go');
    });
    webSocket.on('close', () => {
      stopWatching();
      socket.stopGuarding();
      if (!socket.isProven) unproven--;
      ofCall.delete(socket);
      if (ofCall.size === 0) sockets.delete(callId);
      guarded(callId, () => listener?.onClosed());
    });
    guarded(callId, () => {
      listener = accept(callSocket(webSocket, transport), info);
    });
    if (!listener) webSocket.terminate();
  }

  /** Asks who vouches for the call, and meanwhile keeps its socket on a short lead. */
  function guardUnproven(socket: OpenSocket, callId: CallId): void {
    const { webSocket } = socket;
    const mayTalk = frameBudget(clock);
    let hasSpoken = false;
    webSocket.on('message', () => {
      hasSpoken = true;
      if (!socket.isProven && !mayTalk()) webSocket.terminate();
    });
    const cancel = clock.after(FIRST_FRAME_MS, () => {
      if (!hasSpoken) webSocket.terminate();
    });
    const ask = () =>
      prover.prove(callId, lifetime.signal).catch((thrown: unknown) => {
        log.warn({ callId, reason: toFault(thrown).reason }, 'a call could not be proven');
        return 'unknown' as const;
      });
    const stopSeeking = seekProof(clock, ask, {
      onProven: () => options.onProven(callId),
      onDenied() {
        log.warn({ callId }, 'a call that Retell does not know was let go');
        webSocket.terminate();
      },
    });
    // Named first, as `onWaiting` is.
    const stopGuarding = () => {
      cancel();
      stopSeeking();
    };
    socket.stopGuarding = stopGuarding;
  }

  function markProven(callId: CallId): void {
    for (const socket of sockets.get(callId) ?? []) {
      if (socket.isProven) continue;
      socket.isProven = true;
      socket.transport.isSifting = true;
      socket.stopGuarding();
      unproven--;
    }
  }

  /** What a session throws concerns its own call only, never this process. */
  function guarded(callId: CallId, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      log.error({ callId, reason: toFault(thrown, 'socket.listener_threw').reason }, 'a session threw at its socket');
    }
  }

  function refuse(socket: Duplex, status: number, reason: string): void {
    options.countRefused(reason);
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    socket.end(printRefusal(status), () => socket.destroy());
  }
}

/** What stands before a masked payload; it tells the payload's own header from the end of another frame. */
function headerBytesOf({ byteLength }: Buffer): number {
  return byteLength < 65_536 ? 8 : 14;
}

/** Until the upgrade nobody else listens: a peer that resets its connection must not end the process. */
function ignoreReset(): void {}

import WebSocket, { type RawData } from 'ws';
import type { Clock } from '../../std/clock.ts';
import type { Switches } from '../switches.ts';
import { afterLoss, type Loss, type Redials } from './redial.ts';
import type { RetellTimings } from './timings.ts';

/** What happens on the sockets of a call. */
interface LinkHooks {
  readonly opened: () => void;
  readonly text: (text: string) => void;
  readonly binary: (bytes: number) => void;
  readonly pinged: (timestamp: number) => void;
  /** A socket of the live call is gone; `code` is 1006 unless the server sent a close frame. */
  readonly lost: (code: number, cause: 'server' | 'simulator' | 'keepalive') => void;
  /** No socket will be opened again. */
  readonly over: (reason: string) => void;
}

/** Where to dial, and how Retell does it. */
export interface LinkOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly timings: RetellTimings;
  readonly switches: Switches;
  readonly random: () => number;
  readonly hooks: LinkHooks;
}

/** A server that does not even answer a ping within this time loses what is under way. */
const FLUSH_WITHIN_MS = 1_000;

/** The sockets of one call, one after another: dials, keeps alive, and dials again where Retell would. */
export class Link {
  readonly #options: LinkOptions;
  #socket: WebSocket | undefined;
  #redials: Redials = { abnormal: 0, keepalive: 0 };
  #isOver = false;
  #keepsAlive = false;
  #hasUnread = false;
  #lastPongAt = 0;
  readonly #timers = new Set<() => void>();

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Dials for the first time. */
  open(): void {
    this.#dial('opening', 1);
  }

  /** @param mustArrive a drop waits until the server has read it */
  send(text: string, mustArrive = false): void {
    if (!this.isOpen) return;
    this.#hasUnread ||= mustArrive;
    this.#socket?.send(text);
  }

  /** The server asked for keepalives on this socket. */
  keepAlive(): void {
    if (this.#keepsAlive) return;
    this.#keepsAlive = true;
    this.#lastPongAt = this.#options.clock.now();
    this.#ping();
  }

  /** An echo has come. */
  pong(): void {
    this.#lastPongAt = this.#options.clock.now();
  }

  /**
   * Loses the socket as a broken network does: without a close frame; Retell dials again. First what is under way
   * arrives on both sides: whether Retell would repeat an ask that was lost with its socket is not known, so no run
   * may depend on it.
   */
  drop(): void {
    const socket = this.#socket;
    if (!socket || !this.isOpen) return;
    this.#hasUnread = false;
    const breakOff = () => {
      if (this.#socket === socket) this.#lose({ kind: 'closed', code: 1006 }, 1006, 'simulator');
    };
    this.#later(FLUSH_WITHIN_MS, breakOff);
    // The answer to a ping comes after everything the server has read and said before it.
    socket.once('pong', () => {
      if (this.#socket !== socket) return;
      if (this.#hasUnread) this.drop();
      else this.#later(0, breakOff);
    });
    socket.ping();
  }

  /** Ends the call from Retell's side, the way the switch `normalClose` says. */
  end(reason: string): void {
    if (this.#isOver) return;
    const socket = this.#abandon();
    const closeWith = { '1000': 1000, '1005': undefined, '1006': 1006 }[this.#options.switches.normalClose];
    if (closeWith === 1006) socket?.terminate();
    else if (socket) closeGently(socket, closeWith, this.#options.clock);
    this.#finish(reason);
  }

  #dial(phase: 'opening' | 'redialling' | 'keepalive', attempt: number): void {
    const { url, clock, timings, switches, hooks } = this.#options;
    const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 64 * 1024 * 1024 });
    this.#socket = socket;
    let isSettled = false;
    const fail = (isFinal: boolean) => {
      if (isSettled || this.#socket !== socket) return;
      isSettled = true;
      cancelTimeout();
      this.#abandon()?.terminate();
      if (isFinal || attempt >= timings.connectAttempts) this.#lose({ kind: 'unreachable', while: phase });
      else this.#later(timings.betweenAttemptsMs, () => this.#dial(phase, attempt + 1));
    };
    const cancelTimeout = clock.after(timings.connectTimeoutMs, () => fail(false));
    socket.on('unexpected-response', () => fail(switches.retryRefusedUpgrade === 'no'));
    socket.on('error', () => fail(false));
    socket.on('open', () => {
      if (this.#socket !== socket) return;
      cancelTimeout();
      isSettled = true;
      this.#keepsAlive = false;
      hooks.opened();
    });
    socket.on('message', (data, isBinary) => this.#receive(socket, data, isBinary));
    socket.on('close', (code) => {
      cancelTimeout();
      if (this.#socket === socket && isSettled) this.#lose({ kind: 'closed', code }, code, 'server');
    });
  }

  #receive(socket: WebSocket, data: RawData, isBinary: boolean): void {
    if (this.#socket !== socket) return;
    if (!isBinary) {
      this.#options.hooks.text(textOf(data));
      return;
    }
    this.#options.hooks.binary(bytesOf(data));
    closeGently(socket, 1007, this.#options.clock);
    this.#lose({ kind: 'binary' });
  }

  #ping(): void {
    const { clock, timings, hooks } = this.#options;
    if (clock.now() - this.#lastPongAt >= timings.pingLostMs) {
      // An echo may have come while this process was busy elsewhere: what waits to be read is read first.
      this.#later(0, () => this.#judgeSilence());
      return;
    }
    const timestamp = Math.round(clock.wall());
    hooks.pinged(timestamp);
    this.send(JSON.stringify({ interaction_type: 'ping_pong', timestamp }));
    const lostIn = this.#lastPongAt + timings.pingLostMs - clock.now();
    this.#later(Math.min(timings.pingEveryMs, Math.max(1, lostIn)), () => this.#ping());
  }

  #judgeSilence(): void {
    const { clock, timings } = this.#options;
    if (clock.now() - this.#lastPongAt < timings.pingLostMs) this.#ping();
    else this.#lose({ kind: 'keepalive' }, 1006, 'keepalive');
  }

  #lose(loss: Loss, code?: number, cause: 'server' | 'simulator' | 'keepalive' = 'server'): void {
    const socket = this.#abandon();
    if (loss.kind === 'keepalive' || cause === 'simulator') socket?.terminate();
    if (code !== undefined) this.#options.hooks.lost(code, cause);
    // A hook may have ended the call.
    if (this.#isOver) return;
    const next = afterLoss(loss, this.#redials);
    if (next.kind === 'over') {
      this.#finish(next.reason);
      return;
    }
    this.#redials = next.redials;
    const { min, max } = this.#options.timings.redialMs;
    this.#later(min + this.#options.random() * (max - min), () =>
      this.#dial(loss.kind === 'keepalive' ? 'keepalive' : 'redialling', 1),
    );
  }

  /** Lets go of the socket: whatever it still brings is not heard. */
  #abandon(): WebSocket | undefined {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    const socket = this.#socket;
    this.#socket = undefined;
    return socket;
  }

  #finish(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#abandon();
    this.#options.hooks.over(reason);
  }

  #later(delayMs: number, run: () => void): void {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }
}

/** Closes, and cuts the connection when the other side does not answer the close frame in time. */
function closeGently(socket: WebSocket, code: number | undefined, clock: Clock): void {
  const cancel = clock.after(2_000, () => socket.terminate());
  socket.once('close', cancel);
  socket.close(code);
}

function textOf(data: RawData): string {
  if (Buffer.isBuffer(data)) return data.toString('utf8');
  return Array.isArray(data) ? Buffer.concat(data).toString('utf8') : Buffer.from(data).toString('utf8');
}

function bytesOf(data: RawData): number {
  return Array.isArray(data) ? data.reduce((sum, part) => sum + part.length, 0) : data.byteLength;
}

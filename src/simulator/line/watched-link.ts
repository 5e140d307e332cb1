import type { InboundFrame, OutboundFrame } from '../../retell/frames.ts';
import type { Clock } from '../../std/clock.ts';
import { type Observation, observe, type Watch, watchCall } from '../monitor/monitor.ts';
import { parseOutbound } from '../monitor/outbound.ts';
import type { Breach } from '../monitor/rules.ts';
import { Link, type LinkOptions } from './link.ts';

/** What a line hears of its sockets, after the monitor has. */
interface WatchedLinkHooks {
  /** @param socket counts the sockets of this call from 1 */
  readonly opened: (socket: number) => void;
  readonly lost: (code: number) => void;
  readonly frame: (frame: OutboundFrame) => void;
  readonly breach: (breach: Breach) => void;
  readonly over: (reason: string) => void;
}

/** A link, and how strictly it is watched. */
interface WatchedLinkOptions extends Omit<LinkOptions, 'hooks'> {
  readonly callId: string;
  /** How late the simulator itself has been since a time: stale content is judged with that allowance. */
  readonly lagSinceMs?: (atMs: number) => number;
  readonly staleGraceMs?: number;
  readonly closeWithinMs?: number;
  readonly hooks: WatchedLinkHooks;
}

/** The sockets of one call with the protocol monitor over them: nothing passes it unseen. */
export class WatchedLink {
  readonly #hooks: WatchedLinkHooks;
  readonly #clock: Clock;
  readonly #lagSinceMs: (atMs: number) => number;
  readonly #link: Link;
  #watch: Watch;
  #sockets = 0;
  #endsOnPurpose = false;

  constructor(options: WatchedLinkOptions) {
    const { hooks, clock } = options;
    this.#hooks = hooks;
    this.#clock = clock;
    this.#lagSinceMs = options.lagSinceMs ?? (() => 0);
    this.#watch = watchCall(options);
    const now = () => clock.now();
    this.#link = new Link({
      ...options,
      hooks: {
        opened: () => {
          this.#sockets += 1;
          this.#observe({ kind: 'opened', atMs: now() });
          hooks.opened(this.#sockets);
        },
        text: (text) => this.#receive(text),
        binary: (bytes) => this.#observe({ kind: 'binary', bytes, atMs: now() }),
        pinged: (timestamp) => this.#observe({ kind: 'pinged', timestamp, atMs: now() }),
        lost: (code, cause) => {
          if (cause === 'keepalive') this.#observe({ kind: 'pingLost', atMs: now() });
          else if (code === 1006) this.#observe({ kind: 'lost', atMs: now() });
          else this.#observe({ kind: 'closed', code, atMs: now() });
          hooks.lost(code);
        },
        over: (reason) => {
          this.#observe({ kind: 'over', atMs: now(), isOurs: this.#endsOnPurpose });
          hooks.over(reason);
        },
      },
    });
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  get slowestPongMs(): number {
    return this.#watch.slowestPongMs;
  }

  open(): void {
    this.#link.open();
  }

  send(frame: InboundFrame): void {
    const isAsk = frame.interaction_type === 'response_required' || frame.interaction_type === 'reminder_required';
    this.#link.send(JSON.stringify(frame), isAsk);
    if (isAsk) {
      this.#observe({ kind: 'asked', responseId: frame.response_id, atMs: this.#clock.now() });
    }
  }

  drop(): void {
    this.#link.drop();
  }

  /** Ends the call for a reason of the caller's side, or because the server asked for it. */
  end(reason: string): void {
    this.#endsOnPurpose = true;
    this.#link.end(reason);
  }

  #receive(text: string): void {
    const lagMs = this.#lagSinceMs(this.#watch.ask.askedAt);
    const parsed = parseOutbound(text);
    this.#observe({ kind: 'received', atMs: this.#clock.now(), lagMs, parsed });
    if (parsed.kind !== 'frame') return;
    const { frame } = parsed;
    if (frame.response_type === 'ping_pong') this.#link.pong();
    if (frame.response_type === 'config' && frame.config.auto_reconnect === true) this.#link.keepAlive();
    this.#hooks.frame(frame);
  }

  #observe(seen: Observation): void {
    const { watch, breaches } = observe(this.#watch, seen);
    this.#watch = watch;
    for (const breach of breaches) this.#hooks.breach(breach);
  }
}

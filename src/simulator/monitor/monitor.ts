import type { OutboundFrame } from '../../retell/frames.ts';
import type { ParsedOutbound } from './outbound.ts';
import { type Breach, breachOf, type Finding, type Rule } from './rules.ts';
import { type SpeechState, speechAfter } from './speech-rules.ts';

/** What the monitor is told, with Clock.now() times of the simulator. */
export type Observation =
  | { readonly kind: 'opened'; readonly atMs: number }
  /** A text frame; `lagMs` is how late the simulator itself may have been to read it. */
  | { readonly kind: 'received'; readonly atMs: number; readonly lagMs: number; readonly parsed: ParsedOutbound }
  | { readonly kind: 'binary'; readonly atMs: number; readonly bytes: number }
  | { readonly kind: 'asked'; readonly atMs: number; readonly responseId: number }
  | { readonly kind: 'pinged'; readonly atMs: number; readonly timestamp: number }
  /** Five seconds without an echo. */
  | { readonly kind: 'pingLost'; readonly atMs: number }
  /** The socket is gone without a close frame, by whoever's fault. */
  | { readonly kind: 'lost'; readonly atMs: number }
  /** The server sent a close frame on a live call. */
  | { readonly kind: 'closed'; readonly atMs: number; readonly code: number }
  /** The call is over; `isOurs` when the caller's side ended it, or an action the server asked for. */
  | { readonly kind: 'over'; readonly atMs: number; readonly isOurs: boolean };

/** Whose call, and how strict; times in milliseconds, defaults 50 and 30,000. */
interface MonitorOptions {
  readonly callId: string;
  /** Content for an older id may still arrive this long after a newer ask was sent. */
  readonly staleGraceMs?: number;
  /** An ask must be closed within this time. */
  readonly closeWithinMs?: number;
}

/** All the monitor keeps of a call; its size does not grow with the call. */
export interface Watch extends SpeechState {
  readonly hasFirstFrame: boolean;
  readonly pings: readonly { readonly timestamp: number; readonly atMs: number }[];
  readonly slowestPongMs: number;
}

const STALE_GRACE_MS = 50;
/** G-09: every opened response id is closed within 30 s. */
const CLOSE_WITHIN_MS = 30_000;

/** A watch over a call that has no socket yet. */
export function watchCall(options: MonitorOptions): Watch {
  return {
    staleGraceMs: options.staleGraceMs ?? STALE_GRACE_MS,
    closeWithinMs: options.closeWithinMs ?? CLOSE_WITHIN_MS,
    callId: options.callId,
    sockets: 0,
    isZeroClosed: false,
    greeting: { kind: 'none' },
    ask: { id: 0, askedAt: 0, isClosed: false, actions: 0, isOverdue: false, mayRepeatClose: false },
    interrupt: undefined,
    hangUp: undefined,
    hasFirstFrame: false,
    pings: [],
    slowestPongMs: 0,
  };
}

/** Moves the watch by one observation; pure, so the same observations always find the same breaches. */
export function observe(
  watch: Watch,
  seen: Observation,
): { readonly watch: Watch; readonly breaches: readonly Breach[] } {
  const overdue = overdueAsk(watch, seen.atMs);
  const before = overdue.length > 0 ? { ...watch, ask: { ...watch.ask, isOverdue: true } } : watch;
  const { watch: after, findings } = move(before, seen);
  const breaches = [...overdue, ...findings].map((finding) => breachOf(finding, watch.callId, seen.atMs));
  return { watch: after, breaches };
}

interface Moved {
  readonly watch: Watch;
  readonly findings: readonly Finding[];
}

function move(watch: Watch, seen: Observation): Moved {
  switch (seen.kind) {
    case 'opened':
      return quiet({
        ...watch,
        sockets: watch.sockets + 1,
        isZeroClosed: false,
        hasFirstFrame: false,
        pings: [],
        // The open ask is due again from here: the outage was not the server's to answer in.
        ask: { ...watch.ask, askedAt: seen.atMs, mayRepeatClose: watch.sockets > 0 },
      });
    case 'received':
      if (seen.parsed.kind === 'breach') return found(watch, seen.parsed.rule, seen.parsed.detail);
      return read(watch, seen.parsed.frame, seen.atMs, seen.lagMs);
    case 'binary':
      return found(watch, 'frame.binary', `${seen.bytes} bytes`);
    case 'asked':
      return ask(watch, seen.responseId, seen.atMs);
    case 'pinged':
      return quiet({ ...watch, pings: [...watch.pings, { timestamp: seen.timestamp, atMs: seen.atMs }] });
    case 'pingLost':
      return found({ ...watch, pings: [] }, 'ping.not_echoed', `${watch.pings.length} pings without an echo`);
    case 'lost':
      return quiet({ ...watch, pings: [] });
    case 'closed':
      return closed(watch, seen.code, seen.atMs);
    case 'over':
      return over(watch, seen.isOurs);
    default:
      return seen satisfies never;
  }
}

function read(watch: Watch, frame: OutboundFrame, atMs: number, lagMs: number): Moved {
  const isFirst = !watch.hasFirstFrame;
  const findings: Finding[] = [];
  if (isFirst && frame.response_type !== 'config') {
    findings.push({ rule: 'config.not_first', detail: `the first frame was ${frame.response_type}` });
  }
  const next = isFirst ? { ...watch, hasFirstFrame: true } : watch;
  switch (frame.response_type) {
    case 'ping_pong':
      return withFindings(pong(next, frame.timestamp, atMs), findings);
    case 'response':
    case 'agent_interrupt': {
      const spoken = speechAfter(next, frame, atMs, lagMs);
      return { watch: { ...next, ...spoken.state }, findings: [...findings, ...spoken.findings] };
    }
    default:
      return { watch: next, findings };
  }
}

function pong(watch: Watch, timestamp: number, atMs: number): Moved {
  const ping = watch.pings.find((one) => one.timestamp === timestamp);
  if (!ping) return found(watch, 'ping.wrong_timestamp', 'no ping is waiting for this echo');
  return quiet({
    ...watch,
    pings: watch.pings.filter((one) => one !== ping),
    slowestPongMs: Math.max(watch.slowestPongMs, atMs - ping.atMs),
  });
}

function ask(watch: Watch, responseId: number, atMs: number): Moved {
  // Sent again under its id after a reconnect: still the same ask.
  if (responseId === watch.ask.id) return quiet({ ...watch, ask: { ...watch.ask, askedAt: atMs } });
  const fresh = { id: responseId, askedAt: atMs, isClosed: false, actions: 0, isOverdue: false, mayRepeatClose: false };
  return quiet({ ...watch, ask: fresh });
}

function closed(watch: Watch, code: number, atMs: number): Moved {
  const { hangUp, ask: latest } = watch;
  // An interruption cancels a hang-up; a close that crossed with the newer ask is not held against the server.
  const isCurrent = hangUp?.id === latest.id || atMs - latest.askedAt <= watch.staleGraceMs;
  if (code === 1000 && hangUp !== undefined && isCurrent) return quiet(watch);
  return found(watch, 'close.live_call', `close code ${code}${code === 1000 ? ' without end_call' : ''}`);
}

function over(watch: Watch, isOurs: boolean): Moved {
  const findings: Finding[] = [];
  const { ask: latest } = watch;
  if (!isOurs && !latest.isClosed && !latest.isOverdue && watch.sockets > 0) {
    findings.push({ rule: 'ask.unclosed', detail: `id ${latest.id} was open when the call ended` });
  }
  // On a second socket the greeting may be lost with the process that journaled it; on one it may not.
  if (watch.greeting.kind === 'none' && watch.sockets === 1 && latest.id > 0) {
    findings.push({ rule: 'greeting.missing', detail: 'no id 0 with words in the whole call' });
  }
  return { watch, findings };
}

function overdueAsk(watch: Watch, atMs: number): readonly Finding[] {
  const { id, askedAt, isClosed, isOverdue } = watch.ask;
  if (isClosed || isOverdue || watch.sockets === 0 || atMs - askedAt <= watch.closeWithinMs) return [];
  return [{ rule: 'ask.unclosed', detail: `id ${id} still open after ${watch.closeWithinMs} ms` }];
}

function quiet(watch: Watch): Moved {
  return { watch, findings: [] };
}

function found(watch: Watch, rule: Rule, detail: string): Moved {
  return { watch, findings: [{ rule, detail }] };
}

function withFindings(moved: Moved, before: readonly Finding[]): Moved {
  return { watch: moved.watch, findings: [...before, ...moved.findings] };
}

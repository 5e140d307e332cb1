import type { Action, CallId } from '../call/call.ts';
import { type LiveCall, liveCallOf } from '../call/live-call.ts';
import { headOf } from '../call/snapshot.ts';
import { Fault, toFault } from '../std/fault.ts';
import { type Drain, type DrainMode, startDrain } from './drain.ts';
import type { Line, LineInfo, LineListener } from './line.ts';
import { LEASE_MS, type Seat, type SeatServices, takeSeat } from './seat.ts';

/** Every call this process serves: one seat each, the newest proven socket's. */
export interface Roster {
  /** A socket was opened for a call. */
  accept(line: Line, info: LineInfo): LineListener;
  list(): readonly LiveCall[];
  prove(callId: CallId): void;
  /** The call is over, by Retell's word. False when it is not served here; settles when its end is stored. */
  end(callId: CallId, reason: string): Promise<boolean>;
  interject(callId: CallId, text: string, action: Action | undefined): boolean;
  /** Another process has taken the call, at this epoch: an older session of it here writes and says nothing more. */
  fence(callId: CallId, epoch: number): void;
  /** Stops admitting, and parts with the calls it has; after `withinMs` with all of them. Settles when none is left. */
  drain(withinMs: number, mode?: DrainMode): Promise<void>;
}

const RENEW_EVERY_MS = 5_000;

/** A listener for a socket that was let go of. */
const DEAF: LineListener = { onDetails() {}, onAsk() {}, onHeard() {}, onClosed() {} };

export function createRoster(options: SeatServices): Roster {
  const { clock, log, leases } = options;
  const lifetime = new AbortController();
  const seats = new Map<CallId, Seat>();
  let draining: Drain | undefined;
  renewLeases();

  return { accept, list, prove, end, interject, fence, drain };

  function accept(line: Line, info: LineInfo): LineListener {
    const { callId, isProven } = info;
    const older = seats.get(callId);
    if (draining || (older && !isProven)) {
      log.warn(
        { callId, isDraining: draining !== undefined },
        'socket let go: draining, or an unproven one for a live call',
      );
      line.terminate();
      return DEAF;
    }
    older?.push({ kind: 'release' });
    const seat = takeSeat(options, line, info, older?.done, onMoved, lifetime.signal);
    seats.set(callId, seat);
    void seat.done.then(() => {
      if (seats.get(callId) === seat) seats.delete(callId);
      onMoved();
    });
    return seat.listener;
  }

  function list(): readonly LiveCall[] {
    return [...seats].flatMap(([callId, { call }]) => (call ? [liveCallOf(callId, headOf(call))] : []));
  }

  function prove(callId: CallId): void {
    seats.get(callId)?.push({ kind: 'proven', at: clock.now() });
  }

  async function end(callId: CallId, reason: string): Promise<boolean> {
    const seat = seats.get(callId);
    seat?.push({ kind: 'ended', at: clock.now(), reason });
    await seat?.done;
    // Whatever became of its socket meanwhile: a call that is over holds no slot.
    await leases.release(callId, lifetime.signal);
    return seat?.call?.phase.kind === 'over';
  }

  function interject(callId: CallId, text: string, action: Action | undefined): boolean {
    const seat = seats.get(callId);
    if (!seat?.call) return false;
    seat.push({ kind: 'interject', at: clock.now(), text, ...(action && { action }) });
    return true;
  }

  function fence(callId: CallId, epoch: number): void {
    const seat = seats.get(callId);
    if (seat?.call && seat.call.epoch < epoch) seat.push({ kind: 'fenced' });
  }

  async function drain(withinMs: number, mode: DrainMode = 'together'): Promise<void> {
    draining ??= startDrain(mode, withinMs, () => seats.values(), clock);
    await Promise.all([...seats.values()].map(({ done }) => done));
    draining.stop();
    lifetime.abort(new Fault('cancelled', 'roster.stopped', 'the process is stopping'));
  }

  function onMoved(): void {
    draining?.look();
  }

  /** Sessions keep their slots for as long as they live; a process that dies keeps them for `LEASE_MS`. */
  function renewLeases(): void {
    if (lifetime.signal.aborted) return;
    for (const [callId, { call }] of seats) {
      if (!call) continue;
      leases.adopt(callId, LEASE_MS, lifetime.signal).catch((thrown: unknown) => {
        log.warn({ callId, reason: toFault(thrown).reason }, 'lease could not be renewed');
      });
    }
    clock.after(RENEW_EVERY_MS, renewLeases);
  }
}

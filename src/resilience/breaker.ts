import type { Clock } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import { FailureWindow } from './failure-window.ts';

export type BreakerState =
  | { readonly state: 'closed' }
  /** From `probeAt` on the next run is let through as a probe. */
  | { readonly state: 'open'; readonly openedAt: number; readonly probeAt: number }
  /** One probe is out; everything else is refused until it has come back. */
  | { readonly state: 'halfOpen' };

export interface Breaker {
  /**
   * Runs `fn` unless the circuit is open. A rejection is a failure, and so is a value that `isFailure` says is one
   * (too slow, say); the value is returned all the same. A cancelled run (a `cancelled` Fault, or the signal
   * aborted) counts as neither, like one that `isFailure` says nothing of (`undefined`).
   *
   * @throws Fault `breaker.open`
   */
  run<T>(
    fn: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    isFailure?: (value: T) => boolean | undefined,
  ): Promise<T>;
  /** A run that had counted as a success went wrong later: counts it as a failure instead. */
  takeBackSuccess(): void;
  state(): BreakerState;
}

export interface BreakerTimes {
  /** How long the circuit stays open. Default 5,000. */
  readonly openForMs?: number;
  /** It doubles with every failed probe, up to this. Default 60,000. */
  readonly openForAtMostMs?: number;
}

type Outcome = 'success' | 'failure' | 'cancelled';

/**
 * A circuit breaker that opens at voice volume; see `FailureWindow` for when. While a probe is out the others are
 * refused and not kept waiting: a caller is on the line.
 *
 * @param name whose breaker it is, for the Fault's detail
 */
export function createBreaker(name: string, clock: Clock, times: BreakerTimes = {}): Breaker {
  const { openForMs: firstOpenForMs = 5_000, openForAtMostMs = 60_000 } = times;
  const window = new FailureWindow();
  let state: BreakerState = { state: 'closed' };
  let openForMs = firstOpenForMs;

  return {
    async run(fn, signal, isFailure = () => false) {
      signal.throwIfAborted();
      const before = admit();
      try {
        const value = await fn(signal);
        settle(before, signal.aborted ? 'cancelled' : outcomeOf(isFailure(value)));
        return value;
      } catch (error) {
        settle(before, isCancelled(error, signal) ? 'cancelled' : 'failure');
        throw error;
      }
    },
    takeBackSuccess() {
      if (state.state === 'closed' && window.takeBackSuccess(clock.now())) open(firstOpenForMs);
    },
    state: () => state,
  };

  /** The state in which a run began; an open circuit whose time is up lets it through as the probe. */
  function admit(): BreakerState {
    const before = state;
    if (before.state === 'closed') return before;
    const waitMs = before.state === 'open' ? before.probeAt - clock.now() : 0;
    if (before.state === 'halfOpen' || waitMs > 0) throw refused(name, waitMs);
    state = { state: 'halfOpen' };
    return before;
  }

  function settle(before: BreakerState, outcome: Outcome): void {
    if (before.state === 'open') settleProbe(before, outcome);
    // A run that began before the circuit opened says nothing about the probe that is out now.
    else if (state.state !== 'closed' || outcome === 'cancelled') return;
    else if (outcome === 'success') window.recordSuccess(clock.now());
    else if (window.recordFailure(clock.now())) open(firstOpenForMs);
  }

  function settleProbe(before: BreakerState, outcome: Outcome): void {
    // A cancelled probe told us nothing: the times stay, and the next run probes.
    if (outcome === 'cancelled') state = before;
    else if (outcome === 'success') state = { state: 'closed' };
    else open(Math.min(openForAtMostMs, openForMs * 2));
  }

  function open(forMs: number): void {
    const openedAt = clock.now();
    openForMs = forMs;
    window.clear();
    state = { state: 'open', openedAt, probeAt: openedAt + forMs };
  }
}

function outcomeOf(isFailure: boolean | undefined): Outcome {
  if (isFailure === undefined) return 'cancelled';
  return isFailure ? 'failure' : 'success';
}

function isCancelled(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || (error instanceof Fault && error.kind === 'cancelled');
}

function refused(name: string, waitMs: number): Fault {
  return new Fault('unavailable', 'breaker.open', 'expected work that succeeds, recent attempts failed', {
    detail: { name, retryAfterMs: Math.max(0, Math.ceil(waitMs)) },
    effect: 'are served without it where that can be: by a second model, from memory, or by the fallback line',
  });
}

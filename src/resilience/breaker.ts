import { CircuitState, circuitBreaker, handleWhen, type IBreaker } from 'cockatiel';
import type { Clock } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import { FailureWindow } from './failure-window.ts';
import type { Policy } from './policy.ts';

export type BreakerState =
  | { readonly state: 'closed' }
  /** From `probeAt` on the next run is let through as a probe. */
  | { readonly state: 'open'; readonly openedAt: number; readonly probeAt: number }
  /** One probe is out; everything else is refused until it has come back. */
  | { readonly state: 'halfOpen' };

export interface Breaker extends Policy {
  /**
   * Runs `fn` unless the circuit is open. A rejection is a failure, and so is a value that `isFailure` says is one
   * (too slow, say); the value is returned all the same. A cancelled run (a `cancelled` Fault, or the signal
   * aborted) counts as neither.
   *
   * @throws Fault `breaker.open`
   */
  run<T>(fn: (signal: AbortSignal) => Promise<T>, signal: AbortSignal, isFailure?: (value: T) => boolean): Promise<T>;
  /** A run that had counted as a success went wrong later: counts it as a failure instead. */
  takeBackSuccess(): void;
  state(): BreakerState;
}

/** How long the circuit stays open, doubling with every failed probe. */
const OPEN_FOR_MS = 5_000;
const OPEN_FOR_AT_MOST_MS = 60_000;

const TAKEN_BACK = Symbol('success taken back');

/**
 * A circuit breaker that opens at voice volume; see `FailureWindow` for when.
 *
 * cockatiel keeps the states and lets one probe through. What it would do otherwise is done around it: it reads the
 * wall clock (here `clock` decides when to probe), keeps runs waiting while the probe is out (here they are
 * refused: a caller is on the line), and takes a cancelled probe for a success (here the next run probes again).
 *
 * @param name whose breaker it is, for the Fault's detail
 */
export function createBreaker(name: string, clock: Clock): Breaker {
  const window = new FailureWindow();
  let openedAt = 0;
  let openForMs = OPEN_FOR_MS;
  let nextOpenForMs = OPEN_FOR_MS;

  const thresholds: IBreaker = {
    state: undefined,
    success(state) {
      if (state === CircuitState.HalfOpen) window.clear();
      else if (circuit.state === CircuitState.Closed) window.recordSuccess(clock.now());
    },
    failure(state) {
      // A run that began before the circuit opened says nothing about the probe that is out now.
      if (state !== CircuitState.Closed || circuit.state !== CircuitState.Closed) return false;
      const why = circuit.lastFailure;
      const isTakenBack = why !== undefined && 'error' in why && why.error === TAKEN_BACK;
      return isTakenBack ? window.takeBackSuccess(clock.now()) : window.recordFailure(clock.now());
    },
  };

  const circuit = circuitBreaker(
    handleWhen((error) => !(error instanceof Uncounted) || error.isProbe).orWhenResult(
      (verdict) => verdict instanceof Verdict && verdict.isFailure,
    ),
    // The clock is asked before cockatiel is: its own waiting time is over at any reading of the wall clock.
    { breaker: thresholds, halfOpenAfter: Number.NEGATIVE_INFINITY },
  );
  circuit.onBreak((why) => {
    window.clear();
    // A cancelled probe told us nothing: the times stay, and the next run probes.
    if ('error' in why && why.error instanceof Uncounted) return;
    openedAt = clock.now();
    openForMs = nextOpenForMs;
    nextOpenForMs = Math.min(OPEN_FOR_AT_MOST_MS, nextOpenForMs * 2);
  });
  circuit.onReset(() => {
    nextOpenForMs = OPEN_FOR_MS;
  });

  const refuseUnlessDue = () => {
    const waitMs = openedAt + openForMs - clock.now();
    if (circuit.state === CircuitState.Closed || (circuit.state === CircuitState.Open && waitMs <= 0)) return;
    throw new Fault('unavailable', 'breaker.open', 'expected work that succeeds, recent attempts failed', {
      detail: { name, retryAfterMs: Math.max(0, Math.ceil(waitMs)) },
      effect: 'turns use the second model or the fallback line; calls in progress go on',
    });
  };

  return {
    async run<T>(fn: (signal: AbortSignal) => Promise<T>, signal: AbortSignal, isFailure?: (value: T) => boolean) {
      signal.throwIfAborted();
      refuseUnlessDue();
      const isProbe = circuit.state === CircuitState.Open;
      let cancelled: (() => Promise<T>) | undefined;
      try {
        const verdict = await circuit.execute(async () => {
          let value: T;
          try {
            value = await fn(signal);
          } catch (error) {
            if (!isCancelled(error, signal)) throw error;
            cancelled = () => Promise.reject(error);
            throw new Uncounted(isProbe);
          }
          if (!signal.aborted) return new Verdict(value, isFailure?.(value) ?? false);
          cancelled = () => Promise.resolve(value);
          throw new Uncounted(isProbe);
        });
        return verdict.value;
      } catch (error) {
        if (cancelled) return cancelled();
        throw error;
      }
    },
    takeBackSuccess() {
      if (circuit.state !== CircuitState.Closed) return;
      circuit
        .execute(() => Promise.reject(TAKEN_BACK))
        .catch(() => {
          // The rejection is our own: it exists to be counted.
        });
    },
    state() {
      if (circuit.state === CircuitState.Closed) return { state: 'closed' };
      if (circuit.state === CircuitState.HalfOpen) return { state: 'halfOpen' };
      return { state: 'open', openedAt, probeAt: openedAt + openForMs };
    },
  };
}

function isCancelled(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || (error instanceof Fault && error.kind === 'cancelled');
}

/** A run's value with what it means for the circuit. */
class Verdict<T> {
  readonly value: T;
  readonly isFailure: boolean;
  constructor(value: T, isFailure: boolean) {
    this.value = value;
    this.isFailure = isFailure;
  }
}

/** Takes a cancelled run past cockatiel, which ignores it, or reopens where it was the probe. */
class Uncounted {
  readonly isProbe: boolean;
  constructor(isProbe: boolean) {
    this.isProbe = isProbe;
  }
}

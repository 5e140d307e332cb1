import type { Clock } from '../std/clock.ts';
import { Fault, toFault } from '../std/fault.ts';
import { withDeadline } from '../std/signals.ts';
import { type BreakerState, createBreaker } from './breaker.ts';
import { createBulkhead } from './bulkhead.ts';
import { createTurns } from './turns.ts';

/** How a dependency is doing, for whoever runs the house. */
export interface DependencyState {
  readonly name: string;
  readonly state: BreakerState['state'];
  /** It has answered since the process began. */
  readonly hasAnswered: boolean;
  /** Of its last failure, while it is away. */
  readonly reason?: string;
}

/** Asks a dependency. Faults: what the work threw, the deadline's, `breaker.open`, `bulkhead.full`. */
export type Ask = <T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal) => Promise<T>;

/** Something outside that the house can do without for a while: asked within its time, and not at all while it is away. */
export interface Dependency {
  /** Settles within the deadline. */
  readonly run: Ask;
  /**
   * The same dependency for work that nobody on the line waits for, `places` at once: it takes none of the requests
   * that `run` may make, and waits for its turn; the deadline is counted from there. Whether it is away both learn.
   */
  inTurn(places: number): Ask;
  state(): DependencyState;
}

export interface DependencyOptions {
  readonly name: string;
  readonly deadlineMs: number;
  /** The Fault's reason when the deadline passes. */
  readonly lateReason: string;
  /** The reason of a Fault that says only that we ask for too much at once: it is no sign of being away, nor of being there. */
  readonly crowdedReason?: string;
  /** How long it is left alone after failing five times in a row, or half of ten times. */
  readonly restMs: number;
  /** Requests at once. */
  readonly limit: number;
}

/** What came of asking: it answered, though perhaps with a refusal of what was asked, or it was not asked at all. */
type Outcome<T> =
  | { readonly kind: 'answer'; readonly answer: T }
  | { readonly kind: 'refusal' | 'unasked'; readonly fault: Fault };

/** Pieces of work that may wait for their turn: far more than all workers have in hand. */
const WAITING = 1_000;

/** A deadline, a bulkhead and a breaker around one dependency; its state says whether to count on it. */
export function createDependency(options: DependencyOptions, clock: Clock): Dependency {
  const { name, deadlineMs, lateReason, crowdedReason, restMs, limit } = options;
  const breaker = createBreaker(name, clock, { openForMs: restMs, openForAtMostMs: restMs });
  const bulkhead = createBulkhead(name, limit);
  let hasAnswered = false;
  let reason: string | undefined;

  return {
    run: (work, signal) => bulkhead.run(() => guarded(work, signal), signal),
    inTurn(places) {
      const take = createTurns(name, places, WAITING);
      return (work, signal) => take(() => guarded(work, signal), signal);
    },
    state: () => ({
      name,
      state: breaker.state().state,
      hasAnswered,
      ...(reason !== undefined && { reason }),
    }),
  };

  async function guarded<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const outcome = await breaker.run((within) => ask(work, within), signal, isFailure);
    if (outcome.kind !== 'answer') throw outcome.fault;
    return outcome.answer;
  }

  async function ask<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<Outcome<T>> {
    try {
      const answer = await withDeadline(clock, deadlineMs, lateReason, signal, work);
      answered();
      return { kind: 'answer', answer };
    } catch (thrown) {
      if (signal.aborted || toFault(thrown).kind === 'cancelled') throw thrown;
      if (thrown instanceof Fault && thrown.reason === crowdedReason) return { kind: 'unasked', fault: thrown };
      if (thrown instanceof Fault && !isAway(thrown)) {
        // It is there: one bad request must not cut off all the others.
        answered();
        return { kind: 'refusal', fault: thrown };
      }
      reason = toFault(thrown).reason;
      throw thrown;
    }
  }

  function answered(): void {
    hasAnswered = true;
    reason = undefined;
  }
}

function isFailure({ kind }: Outcome<unknown>): false | undefined {
  return kind === 'unasked' ? undefined : false;
}

/** Whether a Fault says that a dependency is away, and nothing about what was asked of it. */
export function isAway(thrown: unknown): boolean {
  const { kind } = toFault(thrown);
  return kind === 'unavailable' || kind === 'timeout' || kind === 'exhausted';
}

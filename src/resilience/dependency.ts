import type { Clock } from '../std/clock.ts';
import { Fault, toFault } from '../std/fault.ts';
import { withDeadline } from '../std/signals.ts';
import { type BreakerState, createBreaker } from './breaker.ts';
import { createBulkhead } from './bulkhead.ts';

/** How a dependency is doing, for whoever runs the house. */
export interface DependencyState {
  readonly name: string;
  readonly state: BreakerState['state'];
  /** It has answered since the process began. */
  readonly hasAnswered: boolean;
  /** Of its last failure, while it is away. */
  readonly reason?: string;
}

/** Something outside that the house can do without for a while: asked within its time, and not at all while it is away. */
export interface Dependency {
  /** Settles within the deadline. Faults: what the work threw, the deadline's, `breaker.open`, `bulkhead.full`. */
  run<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  state(): DependencyState;
}

export interface DependencyOptions {
  readonly name: string;
  readonly deadlineMs: number;
  /** The Fault's reason when the deadline passes. */
  readonly lateReason: string;
  /** How long it is left alone after failing five times in a row, or half of ten times. */
  readonly restMs: number;
  /** Requests at once. */
  readonly limit: number;
}

/** What came of asking: it answered, though perhaps with a refusal of what was asked. */
type Outcome<T> = { readonly kind: 'answer'; readonly answer: T } | { readonly kind: 'refusal'; readonly fault: Fault };

/** A deadline, a bulkhead and a breaker around one dependency; its state says whether to count on it. */
export function createDependency(options: DependencyOptions, clock: Clock): Dependency {
  const { name, deadlineMs, lateReason, restMs, limit } = options;
  const breaker = createBreaker(name, clock, { openForMs: restMs, openForAtMostMs: restMs });
  const bulkhead = createBulkhead(name, limit);
  let hasAnswered = false;
  let reason: string | undefined;

  return {
    async run(work, signal) {
      const outcome = await bulkhead.run(() => breaker.run((within) => ask(work, within), signal), signal);
      if (outcome.kind === 'refusal') throw outcome.fault;
      return outcome.answer;
    },
    state: () => ({
      name,
      state: breaker.state().state,
      hasAnswered,
      ...(reason !== undefined && { reason }),
    }),
  };

  async function ask<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<Outcome<T>> {
    try {
      const answer = await withDeadline(clock, deadlineMs, lateReason, signal, work);
      answered();
      return { kind: 'answer', answer };
    } catch (thrown) {
      if (signal.aborted || toFault(thrown).kind === 'cancelled') throw thrown;
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

/** Whether a Fault says that a dependency is away, and nothing about what was asked of it. */
export function isAway(thrown: unknown): boolean {
  const { kind } = toFault(thrown);
  return kind === 'unavailable' || kind === 'timeout' || kind === 'exhausted';
}

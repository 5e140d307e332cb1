import type { Clock } from '../std/clock.ts';
import { toFault } from '../std/fault.ts';
import { withDeadline } from '../std/signals.ts';
import { type BreakerState, createBreaker } from './breaker.ts';
import { createBulkhead } from './bulkhead.ts';

/** How a dependency is doing, for whoever runs the house. */
export interface DependencyState {
  readonly name: string;
  /** `starting`: it has not answered once since the process began. */
  readonly state: 'starting' | BreakerState['state'];
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

/** A deadline, a bulkhead and a breaker around one dependency; its state says whether to count on it. */
export function createDependency(options: DependencyOptions, clock: Clock): Dependency {
  const { name, deadlineMs, lateReason, restMs, limit } = options;
  const breaker = createBreaker(name, clock, { openForMs: restMs, openForAtMostMs: restMs });
  const bulkhead = createBulkhead(name, limit);
  let hasAnswered = false;
  let reason: string | undefined;

  return {
    run: (work, signal) =>
      bulkhead.run(
        () =>
          breaker.run(async (within) => {
            try {
              const answer = await withDeadline(clock, deadlineMs, lateReason, within, work);
              hasAnswered = true;
              reason = undefined;
              return answer;
            } catch (thrown) {
              if (!within.aborted) reason = toFault(thrown).reason;
              throw thrown;
            }
          }, signal),
        signal,
      ),
    state: () => ({
      name,
      state: hasAnswered ? breaker.state().state : 'starting',
      ...(reason !== undefined && { reason }),
    }),
  };
}

/** Whether a Fault says that a dependency is away, and nothing about what was asked of it. */
export function isAway(thrown: unknown): boolean {
  const { kind } = toFault(thrown);
  return kind === 'unavailable' || kind === 'timeout' || kind === 'exhausted';
}

import type { CallControl } from '../ports/call-control.ts';
import { createDependency, type Dependency } from '../resilience/dependency.ts';
import type { Clock } from '../std/clock.ts';

/** Every request has deadlines of its own; this one only bounds what a mistake there could hold. */
const DEADLINE_MS = 60_000;
const REST_MS = 5_000;
const AT_ONCE = 64;

export interface GuardedRetell {
  readonly callControl: CallControl;
  readonly dependency: Dependency;
}

/** Retell's REST behind a breaker and a bulkhead: while it is away nobody waits for it, and no order to dial is lost to it. */
export function guardRetell(retell: CallControl, clock: Clock): GuardedRetell {
  const dependency = createDependency(
    { name: 'retell', deadlineMs: DEADLINE_MS, lateReason: 'retell.timeout', restMs: REST_MS, limit: AT_ONCE },
    clock,
  );
  const { run } = dependency;
  const callControl: CallControl = {
    place: (call, signal) => run((within) => retell.place(call, within), signal),
    fetch: (callId, signal) => run((within) => retell.fetch(callId, within), signal),
    end: (callId, signal) => run((within) => retell.end(callId, within), signal),
    findByMetadata: (field, value, sinceMs, signal) =>
      run((within) => retell.findByMetadata(field, value, sinceMs, within), signal),
    ended: (callIds, signal) => run((within) => retell.ended(callIds, within), signal),
    concurrency: (signal) => run((within) => retell.concurrency(within), signal),
    agents: (signal) => run((within) => retell.agents(within), signal),
  };
  return { callControl, dependency };
}

import { Fault, toFault } from '../std/fault.ts';

/** Kinds of Fault that say: nobody was dialled. After any other one a person's phone may be ringing. */
const NOT_DIALLED: ReadonlySet<string> = new Set(['invalid', 'unauthenticated', 'not_found', 'exhausted']);
/** Reasons that say it although their kind does not. */
const NOT_DIALLED_REASONS: ReadonlySet<string> = new Set(['retell.no_key', 'retell.unavailable', 'breaker.open']);
/** Passing troubles before anybody was dialled: a queued order waits them out. */
const PASSING: ReadonlySet<string> = new Set([
  'retell.concurrency_reached',
  'retell.rate_limited',
  'retell.unavailable',
  'breaker.open',
  'bulkhead.full',
]);
/** How often an order is tried while Retell refuses for a passing reason: with the waits between, four minutes. */
const MAX_ATTEMPTS = 10;

/** Whether it is certain that a dial which failed so rang no phone: only then may it be made again. */
export function isNotDialled(thrown: unknown): boolean {
  const { kind, reason } = toFault(thrown);
  return NOT_DIALLED.has(kind) || NOT_DIALLED_REASONS.has(reason);
}

/** Whether a dial that failed so is worth making again in a while. */
export function isWorthWaiting({ reason }: Fault): boolean {
  return PASSING.has(reason);
}

/** Whether it was tried often enough. For room in the workspace an order waits as long as for a slot of ours. */
export function isGivenUp({ reason }: Fault, attempts: number): boolean {
  return reason !== 'retell.concurrency_reached' && attempts >= MAX_ATTEMPTS;
}

/** Nobody can be dialled at all. */
export function noKey(): Fault {
  return new Fault('unavailable', 'retell.no_key', 'expected RETELL_API_KEY, it is not set', {
    effect: 'nobody can be dialled; those who call are answered',
    fixes: ['set RETELL_API_KEY to an API key of the workspace'],
  });
}

/** There is no room in the queue. */
export function queueFull(limit: number): Fault {
  return new Fault('exhausted', 'calls.queue_full', `expected at most ${limit} calls waiting to be dialled`, {
    effect: 'this one is not dialled; those who wait keep their places',
    fixes: ['try again later', 'raise OFFHOOK_MAX_CALLS'],
  });
}

/** One request id for two orders. */
export function requestReused(): Fault {
  return new Fault(
    'conflict',
    'calls.request_reused',
    'expected the order this request id was used for, another came',
    {
      effect: 'this one is not dialled; the first order stands as it was',
      fixes: ['give every order a request id of its own'],
    },
  );
}

/** The order of this request failed, and an order is never dialled anew. */
export function refusedBefore(reason: string): Fault {
  return new Fault('conflict', 'calls.refused_before', `expected an order that may be dialled, it failed: ${reason}`, {
    detail: { was: reason },
    effect: 'this one is not dialled',
    fixes: ['mend what the reason names, and order it anew under another request id'],
  });
}

/** Too late to dial: others may have given the order up by now. */
export function stoodStill(freshMs: number): Fault {
  return new Fault('unavailable', 'calls.stood_still', `expected to dial within ${freshMs} ms of saying so, did not`);
}

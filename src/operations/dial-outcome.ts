import { Fault, toFault } from '../std/fault.ts';

/** Kinds of Fault that say: nobody was dialled. After any other one a person's phone may be ringing. */
const NOT_DIALLED: ReadonlySet<string> = new Set(['invalid', 'unauthenticated', 'not_found', 'exhausted']);
/** Reasons that say it although their kind does not. */
const NOT_DIALLED_REASONS: ReadonlySet<string> = new Set(['retell.no_key', 'retell.unavailable']);
/** Passing troubles before anybody was dialled: a queued order waits them out. */
const PASSING: ReadonlySet<string> = new Set(['retell.rate_limited', 'retell.unavailable']);

/** Whether it is certain that a dial which failed so rang no phone: only then may it be made again. */
export function isNotDialled(thrown: unknown): boolean {
  const { kind, reason } = toFault(thrown);
  return NOT_DIALLED.has(kind) || NOT_DIALLED_REASONS.has(reason);
}

/** Whether a dial that failed so is worth making again in a while. */
export function isWorthWaiting({ reason }: Fault): boolean {
  return PASSING.has(reason);
}

/** Nobody can be dialled at all. */
export function noKey(): Fault {
  return new Fault('unavailable', 'retell.no_key', 'expected RETELL_API_KEY, it is not set', {
    effect: 'nobody can be dialled; those who call are answered',
    fixes: ['set RETELL_API_KEY to an API key of the workspace'],
  });
}

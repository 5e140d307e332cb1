import { type CallId, parseCallId } from '../call/call.ts';
import type { Job, NewJob } from '../ports/jobs.ts';
import { Fault } from '../std/fault.ts';

/** The work that operations leave for later: a name for each, and what its payload holds. */
export const JOB_KINDS = {
  lookUpDial: 'look-up-dial',
  recoverDials: 'recover-dials',
  checkPlacedCall: 'check-placed-call',
  callPlaced: 'call-placed',
  callAnalyzed: 'call-analyzed',
} as const;

/**
 * Retell lists a call for certain only once it was answered or given up, and it rings for 5 minutes at most: one that
 * is not listed so long after its outcome was unknown was never dialled.
 */
export const CERTAIN_AFTER_MS = 360_000;
/** When Retell is asked for a call that may have been dialled, from the moment it was unknown. */
const LOOK_UPS_MS = [5_000, 30_000, 120_000, CERTAIN_AFTER_MS] as const;

/**
 * When a placed call is looked after, from its dial: by the first time it is known whether it was answered, and a
 * call missed by all webhooks is closed within 15 minutes.
 */
const FIRST_CHECK_MS = 360_000;
const CHECK_EVERY_MS = 300_000;

/** @param unknownForMs how long it is unknown by now; past all look-ups it is due at once */
export function lookUpDial(dialId: string, unknownForMs: number): NewJob {
  const at = LOOK_UPS_MS.find((atMs) => atMs > unknownForMs) ?? unknownForMs;
  return { kind: JOB_KINDS.lookUpDial, key: dialId, payload: { dialId }, delayMs: at - unknownForMs };
}

/** @param checks how often it was looked after already */
export function checkPlacedCall(callId: CallId, checks: number): NewJob {
  const delayMs = checks === 0 ? FIRST_CHECK_MS : CHECK_EVERY_MS;
  return { kind: JOB_KINDS.checkPlacedCall, key: callId, payload: { callId, checks }, delayMs };
}

export function callPlaced(callId: CallId, dialId: string): NewJob {
  return { kind: JOB_KINDS.callPlaced, key: callId, payload: { callId, dialId } };
}

export function callAnalyzed(callId: CallId): NewJob {
  return { kind: JOB_KINDS.callAnalyzed, key: callId, payload: { callId } };
}

/** @throws Fault `jobs.bad_payload` */
export function dialIdOf(job: Job): string {
  return fieldOf(job, 'dialId');
}

/** @throws Fault `jobs.bad_payload`, `jobs.bad_call_id` */
export function callIdOf(job: Job): CallId {
  const callId = parseCallId(fieldOf(job, 'callId'));
  if (callId) return callId;
  throw new Fault('invalid', 'jobs.bad_call_id', 'expected the id of a call in the payload of the job, it is none');
}

function fieldOf({ payload }: Job, name: string): string {
  const value = payload[name];
  if (typeof value === 'string') return value;
  throw new Fault('invalid', 'jobs.bad_payload', `expected ${name} in the payload of the job, it is not there`);
}

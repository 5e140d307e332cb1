import { CALL_TTL_MS } from '../call/live-call.ts';
import type { CallControl } from '../ports/call-control.ts';
import type { StoredDial } from '../ports/dials.ts';
import type { Job, JobWork } from '../ports/jobs.ts';
import type { OperationContext } from './context.ts';
import { CERTAIN_AFTER_MS, callIdOf, checkPlacedCall, dialIdOf, JOB_KINDS, lookUpDial } from './job-kinds.ts';
import { reportEnded } from './report-ended.ts';
import { DIAL_FIELD, settleFailed, settlePlaced } from './settle-dial.ts';

/** A process that lives dials within seconds of taking an order. */
const ABANDONED_AFTER_MS = 60_000;
/** Orders recovered in one go; the rest a minute later. */
const RECOVERED_AT_ONCE = 1_000;
/** A call that Retell dialled and nobody here ever heard of is looked after for as long as one may last. */
const CHECKS = Math.ceil(CALL_TTL_MS / 300_000);
/** Why an order failed that nobody knew the outcome of: Retell was asked until it was certain. */
const NOT_DIALLED = 'retell.not_dialled';

/**
 * What is done later about calls we place: an outcome nobody heard is looked up at Retell, what a dead process left
 * behind is found, and a placed call is looked after until its end is known. Nothing of it ever dials.
 */
export function dialWork(context: OperationContext): Required<Pick<JobWork, 'handlers' | 'schedules'>> {
  const { callControl } = context;
  if (!callControl) return { handlers: {}, schedules: [] };
  return {
    handlers: {
      [JOB_KINDS.lookUpDial]: (job, signal) => lookUp(context, callControl, dialIdOf(job), signal),
      [JOB_KINDS.recoverDials]: (_job, signal) => recover(context, signal),
      [JOB_KINDS.checkPlacedCall]: (job, signal) => check(context, callControl, job, signal),
    },
    schedules: [{ kind: JOB_KINDS.recoverDials, everyMinutes: 1 }],
  };
}

/** Asks Retell for the call of an order: it was dialled, it was certainly not, or it is asked again later. */
async function lookUp(
  context: OperationContext,
  callControl: CallControl,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { dials, jobs, clock, log } = context;
  const dial = await dials.find(id, signal);
  if (!dial || !isOpen(dial)) return;
  const found = await callControl.findByMetadata(DIAL_FIELD, id, dial.openedAt, signal);
  if (found) {
    log.info({ dial: id, callId: found.callId }, 'Retell had dialled after all');
    return settlePlaced(context, dial, found.callId);
  }
  const unknownForMs = clock.now() - dial.changedAt;
  if (unknownForMs < CERTAIN_AFTER_MS) return jobs.enqueue([lookUpDial(id, unknownForMs)], signal);
  log.warn({ dial: id, reason: NOT_DIALLED }, 'Retell had not dialled');
  await settleFailed(context, dial, NOT_DIALLED);
}

/** Finds orders that a process died over: one not begun waits again, one being dialled is looked up. The look-up comes first: a crash in between loses none. */
async function recover({ dials, jobs, clock }: OperationContext, signal: AbortSignal): Promise<void> {
  const before = clock.now() - ABANDONED_AFTER_MS;
  const dialling = await dials.list(['dialling'], RECOVERED_AT_ONCE, signal);
  const left = dialling.filter(({ changedAt }) => changedAt <= before).map(({ id }) => id);
  await jobs.enqueue(
    left.map((id) => lookUpDial(id, 0)),
    signal,
  );
  const abandoned = await dials.abandon(ABANDONED_AFTER_MS, signal);
  const missed = abandoned.filter((id) => !left.includes(id));
  await jobs.enqueue(
    missed.map((id) => lookUpDial(id, 0)),
    signal,
  );
}

/**
 * Looks after a call that may never reach us: nobody answered, or its socket could not be opened. One that did reach
 * us is the sweep's, like every other.
 */
async function check(
  context: OperationContext,
  callControl: CallControl,
  job: Job,
  signal: AbortSignal,
): Promise<void> {
  const { records, callStore, jobs } = context;
  const callId = callIdOf(job);
  if (await records.isEnded(callId, signal)) return;
  if (await callStore.load(callId, signal)) return;
  if (await records.report(callId, signal)) return;
  const [over] = await callControl.ended([callId], signal);
  if (over) {
    await reportEnded(context, over, signal);
    return;
  }
  const checks = Number(job.payload.checks ?? 0) + 1;
  if (checks < CHECKS) await jobs.enqueue([checkPlacedCall(callId, checks)], signal);
}

function isOpen({ state }: StoredDial): boolean {
  return state === 'dialling' || state === 'unknown';
}

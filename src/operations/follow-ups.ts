import type { CallId } from '../call/call.ts';
import type { JobHandler } from '../ports/jobs.ts';
import { callIdOf, JOB_KINDS } from './job-kinds.ts';

/** A call was placed, or Retell has analysed one that ended. Only ids: what was said is in the archive. */
export interface FollowUpEvent {
  readonly callId: CallId;
  /** 1 at the first try: a follow-up that throws is tried again, for hours, with growing delays. */
  readonly attempt: number;
}

/** Work of the author's own, done in the background and at least once: twice, it must change nothing. */
export type FollowUp = (event: FollowUpEvent, options: { readonly signal: AbortSignal }) => Promise<void>;

/** What an author wants done after calls. */
export interface CallHooks {
  /** Once Retell has taken a call that we asked it to place. */
  readonly onCallPlaced?: FollowUp;
  /** Once Retell has sent its analysis of a call that ended. */
  readonly onCallAnalyzed?: FollowUp;
}

/** The handlers of the jobs these hooks are for; a hook that is not there has none. */
export function followUps({ onCallPlaced, onCallAnalyzed }: CallHooks): Readonly<Record<string, JobHandler>> {
  return {
    ...(onCallPlaced && { [JOB_KINDS.callPlaced]: handlerOf(onCallPlaced) }),
    ...(onCallAnalyzed && { [JOB_KINDS.callAnalyzed]: handlerOf(onCallAnalyzed) }),
  };
}

/** Whether there is a hook for it: what nobody does is not enqueued. */
export function followedUp({ onCallPlaced, onCallAnalyzed }: CallHooks): {
  readonly placed: boolean;
  readonly analyzed: boolean;
} {
  return { placed: onCallPlaced !== undefined, analyzed: onCallAnalyzed !== undefined };
}

function handlerOf(hook: FollowUp): JobHandler {
  return async (job, signal) => hook({ callId: callIdOf(job), attempt: job.attempt }, { signal });
}

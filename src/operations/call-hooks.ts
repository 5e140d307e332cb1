import type { CallId } from '../call/call.ts';
import type { JobHandler } from '../ports/jobs.ts';
import { callIdOf, JOB_KINDS } from './job-kinds.ts';

/** A call was placed, or Retell has analysed one that ended. Only ids: what was said is in the archive. */
export interface CallHookEvent {
  readonly callId: CallId;
  /** 1 at the first try: a hook that throws is tried again, for hours, with growing delays. */
  readonly attempt: number;
}

/**
 * Work of the author's own, done in the background and at least once: twice, it must change nothing. Each try has 30 s;
 * then, and when the process stops, the signal aborts.
 */
export type CallHook = (event: CallHookEvent, options: { readonly signal: AbortSignal }) => Promise<void>;

/** What an author wants done after calls. For what has no hook, no job is enqueued. */
export interface CallHooks {
  /** Once Retell has taken a call that we asked it to place. */
  readonly onCallPlaced?: CallHook;
  /** Once Retell has sent its analysis of a call that ended. */
  readonly onCallAnalyzed?: CallHook;
}

/** The handlers of the jobs these hooks are for; a hook that is not there has none. */
export function hookHandlers({ onCallPlaced, onCallAnalyzed }: CallHooks): Readonly<Record<string, JobHandler>> {
  return {
    ...(onCallPlaced && { [JOB_KINDS.callPlaced]: handlerOf(onCallPlaced) }),
    ...(onCallAnalyzed && { [JOB_KINDS.callAnalyzed]: handlerOf(onCallAnalyzed) }),
  };
}

function handlerOf(hook: CallHook): JobHandler {
  return async (job, signal) => hook({ callId: callIdOf(job), attempt: job.attempt }, { signal });
}

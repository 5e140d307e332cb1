import type { OperationContext } from '../operations/context.ts';
import { dialWork } from '../operations/dial-jobs.ts';
import { type CallHooks, followUps } from '../operations/follow-ups.ts';
import { reportEnded } from '../operations/report-ended.ts';
import type { JobWork } from '../ports/jobs.ts';
import { missedEnds } from '../workers/missed-ends.ts';

/** All that is done later: what operations leave behind, the sweep for missed ends, and the author's own follow-ups. */
export function jobWork(operations: OperationContext, hooks: CallHooks): JobWork {
  const { callStore, callControl, clock, log } = operations;
  const dials = dialWork(operations);
  const sweep = callControl && {
    ...missedEnds({
      callStore,
      callControl,
      reportEnded: (call, signal) => reportEnded(operations, call, signal),
      clock,
      log,
    }),
  };
  return {
    handlers: { ...dials.handlers, ...sweep?.handlers, ...followUps(hooks) },
    schedules: [...dials.schedules, ...(sweep?.schedules ?? [])],
  };
}

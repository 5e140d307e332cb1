import { hookHandlers } from '../operations/call-hooks.ts';
import type { OperationContext } from '../operations/context.ts';
import { dialWork } from '../operations/dial-jobs.ts';
import { reportEnded } from '../operations/report-ended.ts';
import type { JobWork } from '../ports/jobs.ts';
import { missedEnds } from '../workers/missed-ends.ts';

/** All that is done later: what operations leave behind, the sweep for missed ends, and the author's own hooks. */
export function jobWork(operations: OperationContext): JobWork {
  const { callStore, callControl, hooks, clock, log } = operations;
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
    handlers: { ...dials.handlers, ...sweep?.handlers, ...hookHandlers(hooks) },
    schedules: [...dials.schedules, ...(sweep?.schedules ?? [])],
  };
}

import { hookHandlers } from '../operations/call-hooks.ts';
import type { OperationContext } from '../operations/context.ts';
import { dialWork } from '../operations/dial-jobs.ts';
import { reportEnded } from '../operations/report-ended.ts';
import type { JobWork } from '../ports/jobs.ts';
import { missedEnds } from '../workers/missed-ends.ts';

/**
 * All that is done later: what operations leave behind with the sweep for missed ends, and the author's own hooks. Each
 * has places of its own: no hook, however long it takes, keeps a call that was missed from being found.
 */
export function jobWork(operations: OperationContext): readonly JobWork[] {
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
  const house = {
    handlers: { ...dials.handlers, ...sweep?.handlers },
    schedules: [...dials.schedules, ...(sweep?.schedules ?? [])],
  };
  return [house, { handlers: hookHandlers(hooks) }].filter(({ handlers }) => Object.keys(handlers).length > 0);
}

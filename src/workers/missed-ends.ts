import type { CallId } from '../call/call.ts';
import type { CallControl, RemoteCall } from '../ports/call-control.ts';
import type { CallStore } from '../ports/call-store.ts';
import type { JobWork } from '../ports/jobs.ts';
import type { Clock } from '../std/clock.ts';
import { toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';

export interface MissedEndsOptions {
  readonly callStore: Pick<CallStore, 'list'>;
  readonly callControl: Pick<CallControl, 'ended'>;
  /** Takes in that a call is over as its webhook would have; twice, it changes nothing. */
  readonly reportEnded: (call: RemoteCall, signal: AbortSignal) => Promise<'stored' | 'duplicate'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A call that was stored since is left alone. */
const QUIET_MS = 300_000;
const SWEEP_KIND = 'sweep-missed-ends';
/** With the quiet before, and a sweep that fails once, a missed end is found within 15 minutes. */
const EVERY_MINUTES = 5;
/** As many as one question to Retell may name. */
const BATCH = 100;
/** Questions in one sweep: far more quiet calls than a house has. */
const MAX_BATCHES = 20;

/**
 * Closes calls whose `call_ended` never came: those that were quiet for long are asked after at Retell, once for all
 * processes, and what is over there is reported as the webhook would have done it.
 */
export function missedEnds(options: MissedEndsOptions): Required<Pick<JobWork, 'handlers' | 'schedules'>> {
  return {
    handlers: { [SWEEP_KIND]: (_job, signal) => sweep(options, signal) },
    schedules: [{ kind: SWEEP_KIND, everyMinutes: EVERY_MINUTES }],
  };
}

async function sweep(options: MissedEndsOptions, signal: AbortSignal): Promise<void> {
  const quiet = await quietCalls(options, signal);
  for (let from = 0; from < quiet.length; from += BATCH) {
    for (const call of await options.callControl.ended(quiet.slice(from, from + BATCH), signal)) {
      await report(options, call, signal);
    }
  }
}

/** Those not stored for long, the longest first. */
async function quietCalls({ callStore, clock }: MissedEndsOptions, signal: AbortSignal): Promise<readonly CallId[]> {
  const before = clock.now() - QUIET_MS;
  const stored = await callStore.list(signal);
  return stored
    .filter(({ committedAt }) => committedAt <= before)
    .sort((a, b) => a.committedAt - b.committedAt)
    .slice(0, BATCH * MAX_BATCHES)
    .map(({ callId }) => callId);
}

/** One that cannot be reported does not keep the others; the next sweep finds it again. */
async function report({ reportEnded, log }: MissedEndsOptions, call: RemoteCall, signal: AbortSignal): Promise<void> {
  const { callId } = call;
  try {
    const verdict = await reportEnded(call, signal);
    if (verdict === 'stored') log.info({ callId }, 'call was over at Retell, and no webhook had said so');
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    log.warn({ callId, reason: toFault(thrown).reason }, 'missed end of a call cannot be reported; trying on');
  }
}

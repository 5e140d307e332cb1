import type { CallId } from '../call/call.ts';
import type { DialInHand } from '../ports/dials.ts';
import { toFault } from '../std/fault.ts';
import { withDeadline } from '../std/signals.ts';
import type { OperationContext } from './context.ts';
import { callPlaced, checkPlacedCall, lookUpDial } from './job-kinds.ts';

/** The field of a call's metadata by which it is found again at Retell. */
export const DIAL_FIELD = 'offhook_dial';
/** From the order to the socket: Retell rings for 30 s unless told otherwise, and asks us once it was answered. */
export const RINGING_MS = 120_000;

const SETTLE_TIMEOUT_MS = 5_000;
/** What became of a dial is written down also while the process is told to stop: it may be known nowhere else. */
const NEVER = new AbortController().signal;

type SettleContext = Pick<OperationContext, 'dials' | 'leases' | 'hooks' | 'clock' | 'log'>;

/** The slot of an order from this taking on: another process may hold one for the same order, taken later. */
export function slotOf({ id, takes }: DialInHand): string {
  return `dial:${id}:${takes}`;
}

/** The order became this call: hands the call its slot, and writes it down with the work that follows. */
export async function settlePlaced(context: SettleContext, dial: DialInHand, callId: CallId): Promise<void> {
  const { dials, leases, hooks, log } = context;
  const jobs = [checkPlacedCall(callId, 0), ...(hooks.onCallPlaced ? [callPlaced(callId, dial.id)] : [])];
  await inTime(context, async (within) => {
    await leases.rename(slotOf(dial), callId, RINGING_MS, within).catch((thrown: unknown) => {
      log.warn({ callId, reason: toFault(thrown).reason }, 'slot of a placed call could not be renamed');
    });
    await dials.settle(dial, { state: 'placed', callId }, jobs, within);
  });
}

/** Nobody knows whether Retell dialled: it is asked, and the slot stays until its lease expires, since a person may be on the line. */
export function settleUnknown(context: SettleContext, dial: DialInHand, reason: string): Promise<void> {
  return inTime(context, (within) =>
    context.dials.settle(dial, { state: 'unknown', reason }, [lookUpDial(dial.id, 0)], within),
  );
}

/** Nobody was dialled, and nobody will be for this order. */
export function settleFailed(context: SettleContext, dial: DialInHand, reason: string): Promise<void> {
  return inTime(context, (within) => context.dials.settle(dial, { state: 'failed', reason }, [], within));
}

function inTime({ clock }: Pick<SettleContext, 'clock'>, work: (within: AbortSignal) => Promise<void>): Promise<void> {
  return withDeadline(clock, SETTLE_TIMEOUT_MS, 'calls.settle_timeout', NEVER, work);
}

import { type CloseOptions, closeCall } from './close-call.ts';
import type { Handle } from './worker.ts';

export const CLOSER_GROUP = 'closer';

/** Ends the call when Retell has reported its end: a lost socket alone never says whether the call comes back. */
export function closerHandler(options: CloseOptions): Handle {
  return async (event, signal) => {
    if (event.type !== 'call.reported') return;
    await closeCall(options, event.callId, event.disconnectionReason, signal);
  };
}

import type { ConsumerGroup } from '../ports/event-log.ts';
import { type CloseOptions, closeCall } from './close-call.ts';
import type { Handle } from './worker.ts';

export const CLOSER_GROUP: ConsumerGroup = { name: 'closer', types: ['call.reported'] };

/** Ends the call when Retell has reported its end: a lost socket alone never says whether the call comes back. */
export function closerHandler(options: CloseOptions): Handle {
  return async (event, signal) => {
    if (event.type !== 'call.reported') return;
    await closeCall(options, event.callId, event.disconnectionReason, signal);
  };
}

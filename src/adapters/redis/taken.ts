import { type CallId, parseCallId } from '../../call/call.ts';
import type { Clock } from '../../std/clock.ts';
import { listenTo } from './listen.ts';

/** Hears that a call was taken, here or elsewhere, and under which epoch. */
export type TakenListener = (callId: CallId, epoch: number) => void;

/** Listens for calls that are taken, and returns how to stop. A holder that misses it is fenced at its next commit. */
export function listenForTaken(url: string, channel: string, clock: Clock, listener: TakenListener): () => void {
  const onMessage = (message: string) => {
    const [epoch, id = ''] = message.split(' ');
    const callId = parseCallId(id);
    if (callId !== undefined) listener(callId, Number(epoch));
  };
  return listenTo(url, { [channel]: onMessage }, clock);
}

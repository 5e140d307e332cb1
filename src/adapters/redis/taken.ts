import { type CallId, parseCallId } from '../../call/call.ts';
import type { Clock } from '../../std/clock.ts';
import { newClient } from './connection.ts';

/** Hears that a call was taken, here or elsewhere, and under which epoch. */
export type TakenListener = (callId: CallId, epoch: number) => void;

/** A silent line would else be taken for a quiet one. */
const PING_EVERY_MS = 1_000;

/**
 * Listens for calls that are taken, on a connection of its own. What is published while the connection is lost is not
 * heard: a holder that missed it is fenced at its next commit.
 *
 * @returns stops listening
 */
export function listenForTaken(url: string, channel: string, clock: Clock, listener: TakenListener): () => void {
  const redis = newClient(url);
  redis.on('message', (_channel, message) => {
    const [epoch, id = ''] = message.split(' ');
    const callId = parseCallId(id);
    if (callId !== undefined) listener(callId, Number(epoch));
  });
  // The connection for commands says what there is to say of an outage.
  redis.on('error', () => {});
  redis.on('ready', () => {
    redis.subscribe(channel).catch(() => redis.disconnect(true));
  });
  redis.connect().catch(() => undefined);
  const stopPinging = clock.every(PING_EVERY_MS, () => {
    // No answer within the time of silence, and the client connects anew.
    redis.ping().catch(() => undefined);
  });
  return () => {
    stopPinging();
    redis.disconnect();
  };
}

import type { Clock } from '../../std/clock.ts';
import { newClient } from './connection.ts';

/** A silent line would else be taken for a quiet one. */
const PING_EVERY_MS = 1_000;

/**
 * Listens to channels, on a connection of its own. What is published while the connection is lost is not heard.
 *
 * @returns stops listening
 */
export function listenTo(
  url: string,
  channels: Readonly<Record<string, (message: string) => void>>,
  clock: Clock,
): () => void {
  const redis = newClient(url);
  redis.on('message', (channel, message) => channels[channel]?.(message));
  // The connection for commands says what there is to say of an outage.
  redis.on('error', () => {});
  redis.on('ready', () => {
    redis.subscribe(...Object.keys(channels)).catch(() => redis.disconnect(true));
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

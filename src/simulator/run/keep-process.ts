import { MessageChannel } from 'node:worker_threads';

/**
 * Keeps the process alive until released. Timers of the system clock never do, so between two sockets of a redial
 * nothing else would.
 */
export function keepProcess(): () => void {
  const { port1 } = new MessageChannel();
  // A port with a listener holds the event loop open.
  port1.on('message', () => {});
  return () => port1.close();
}

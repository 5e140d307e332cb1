import { connect } from 'node:net';
import { Fault } from '../../std/fault.ts';
import { type Target, webUrl } from '../urls.ts';

/**
 * Makes sure that somebody listens before a run begins: fifty callers who each try three times would only say so
 * after half a minute.
 *
 * @throws Fault `simulator.server_unreachable`, `simulator.bad_url`
 */
export async function reach(target: Target, signal: AbortSignal): Promise<void> {
  const url = new URL(webUrl(target, '/'));
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port, signal });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', reject);
    });
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new Fault('unavailable', 'simulator.server_unreachable', `expected a server at ${url.host}, none answered`, {
      cause,
      detail: { host: url.hostname, port },
      fixes: ['start it: npm start', 'give its address: --url http://host:port'],
    });
  } finally {
    socket.destroy();
  }
}

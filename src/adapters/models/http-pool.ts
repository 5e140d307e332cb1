import { Socket } from 'node:net';
import { Agent, buildConnector, errors } from 'undici';
import { systemClock } from '../../std/clock.ts';

/** From the first packet to the end of the TLS handshake. Beyond it another model is the better bet. */
const CONNECT_TIMEOUT_MS = 500;

/** Connections to one provider, kept between turns, with limits fit for a caller who is waiting. */
export function createPool(): Agent {
  return new Agent({
    connect: createConnector(),
    // A bulkhead stands before every model; this only bounds what a mistake there could open.
    connections: 256,
    pipelining: 1,
    // Over HTTP/2 an abort resets the stream and keeps the socket, and one lost packet stalls every call.
    allowH2: false,
    // Turns are seconds apart: undici's own 4 s would mean a new TLS handshake for nearly every one of them.
    keepAliveTimeout: 30_000,
    keepAliveMaxTimeout: 60_000,
    // Upper bounds for a caller who passes a signal that never aborts.
    headersTimeout: 30_000,
    bodyTimeout: 30_000,
  });
}

/** undici's own connector times out on a tick of half a second: its 500 ms are up to 1,000. It stays as the backstop. */
function createConnector(): buildConnector.connector {
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false });
  return (options, callback) => {
    // The connector returns the socket it opens, though its types do not say so.
    const socket: unknown = connect(options, (...outcome) => {
      cancel();
      callback(...outcome);
    });
    const cancel = systemClock.after(CONNECT_TIMEOUT_MS, () => {
      if (socket instanceof Socket) socket.destroy(new errors.ConnectTimeoutError());
    });
  };
}

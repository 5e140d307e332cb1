import { once } from 'node:events';
import type { Server } from 'node:http';
import { Fault } from '../std/fault.ts';

/**
 * Binds a server, port 0 to a free one.
 *
 * @param variable the environment variable that moves it, for the fix: `PORT`
 * @returns the port it listens on
 * @throws Fault `port.in_use`, `port.not_allowed`, `host.not_here`, `port.not_bound`
 */
export async function listen(server: Server, host: string, port: number, variable: string): Promise<number> {
  try {
    // `once` rejects when the error comes first.
    await once(server.listen({ host, port }), 'listening');
  } catch (thrown) {
    throw toListenFault(thrown, host, port, variable);
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

function toListenFault(thrown: unknown, host: string, port: number, variable: string): Fault {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  const options = { cause: thrown, detail: { host, port }, effect: 'cannot reach this server' };
  switch (code) {
    case 'EADDRINUSE':
      return new Fault(
        'unavailable',
        'port.in_use',
        `expected port ${port} of ${host} to be free, another process holds it`,
        {
          ...options,
          fixes: [
            `set ${variable} to another port, or to 0 for any free one`,
            `stop what holds it: ss -ltnp 'sport = :${port}'`,
          ],
        },
      );
    case 'EACCES':
      return new Fault('invalid', 'port.not_allowed', `expected a port this user may listen on, got ${port}`, {
        ...options,
        fixes: [`set ${variable} to a port above 1023`],
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Fault('invalid', 'host.not_here', `expected an address of this machine, got ${host}`, {
        ...options,
        fixes: ['set HOST to 127.0.0.1, or to 0.0.0.0 for every address'],
      });
    default:
      return new Fault(
        'unavailable',
        'port.not_bound',
        `expected to listen on ${host} port ${port}, could not`,
        options,
      );
  }
}

import type { TurnFigures } from '../observe/meter.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { OperationContext } from '../operations/context.ts';
import type { DialQueue } from '../operations/dial-queue.ts';
import type { FunctionDesk } from '../operations/run-function.ts';
import { Fault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import type { DependencyStatus } from './dependency-status.ts';
import { createHttpServer } from './http-server.ts';
import { listen } from './listen.ts';
import type { SocketDoor } from './llm-socket.ts';
import type { ProbeOptions } from './probes.ts';
import type { ApiKey } from './roles.ts';

export interface ServersOptions extends ProbeOptions {
  /** Where Retell comes in. */
  readonly host: string;
  readonly port: number;
  /** Always on loopback. */
  readonly adminPort: number;
  /** What clients of the service layer present; none closes it on the public port. */
  readonly apiKeys: readonly ApiKey[];
  readonly webhookKeys: readonly string[];
  readonly door: SocketDoor;
  readonly context: OperationContext;
  readonly queue: DialQueue;
  readonly desk: FunctionDesk;
  readonly figures: () => TurnFigures;
  readonly metrics: Pick<Metrics, 'scrape' | 'countWebhook'>;
  /** How what we need from outside is doing, for the status; nothing unless given. */
  readonly dependencies?: () => readonly DependencyStatus[];
  readonly log: Log;
}

export interface Servers {
  /** As bound: of a port 0 the one that was free. */
  readonly port: number;
  readonly adminPort: number;
  /** Loads what no caller waits for: the routes of webhooks and of the service layer. */
  warmUp(): Promise<void>;
  /** Lets go of every socket without a close frame, then closes both ports. Idempotent. */
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';

/**
 * Opens the house's two ports: the public one for Retell, probes and whoever has the key; the admin one on loopback.
 *
 * @throws Fault `port.in_use`, `port.not_allowed`, `host.not_here`, `port.not_bound`; then neither is open
 */
export async function openServers(options: ServersOptions): Promise<Servers> {
  const { door, context, queue, desk, figures, metrics, apiKeys, log } = options;
  const lifetime = new AbortController();
  const { signal } = lifetime;
  const { notReadyBecause, dependencies = () => [] } = options;
  const webhooks = { context, desk, keys: options.webhookKeys, signal, countWebhook: metrics.countWebhook };
  const rest = { context, queue, figures, metrics, dependencies, apiKeys, signal };
  const outside = createHttpServer({
    notReadyBecause,
    log,
    loadRoutes: async () => (await import('./routes.ts')).publicRoutes(log, webhooks, { ...rest, isAdmin: false }),
  });
  const inside = createHttpServer({
    notReadyBecause,
    log,
    loadRoutes: async () => (await import('./routes.ts')).adminRoutes(log, { ...rest, isAdmin: true }),
  });
  outside.server.on('upgrade', door.onUpgrade);

  const close = async () => {
    lifetime.abort(new Fault('cancelled', 'servers.closed', 'the process is stopping'));
    door.terminateAll();
    await Promise.all([outside.close(), inside.close()]);
  };
  try {
    const adminPort = await listen(inside.server, LOOPBACK, options.adminPort, 'OFFHOOK_ADMIN_PORT');
    // Last, so that whoever can reach us finds everything in its place.
    const port = await listen(outside.server, options.host, options.port, 'PORT');
    return {
      port,
      adminPort,
      async warmUp() {
        await outside.load();
        await inside.load();
      },
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

import { reach } from '../simulator/run/reach.ts';
import { Fault, toFault } from '../std/fault.ts';
import { type ClientConfig, isLoopbackHost, loadClientConfig } from '../variants/config.ts';
import type { Surroundings } from './surroundings.ts';

/** The flags that say which server to speak to. */
export interface ServerFlags {
  readonly url?: string;
  readonly secret?: string;
}

/** A server to play Retell against, as the simulator wants it. */
export interface FoundServer {
  readonly target: { readonly baseUrl: string; readonly socketSecret?: string };
  /** What it checks signatures with, as far as it is known here. */
  readonly webhookKey: string | undefined;
}

/**
 * The server that the flags name, or the one that the configuration of this folder would start; somebody must listen
 * there. Faults: `server.unreachable`, `cli.no_url`, and those of the configuration.
 */
export async function findServer(
  { url, secret }: ServerFlags,
  { env, cwd }: Surroundings,
  signal: AbortSignal,
): Promise<FoundServer> {
  const config = await loadClientConfig(env, cwd);
  const baseUrl = url ?? configuredUrl(config);
  const socketSecret = secret ?? config.socketSecrets[0]?.reveal();
  const target = { baseUrl, ...(socketSecret !== undefined && { socketSecret }) };
  await reachServer(target, signal);
  // The key of the data folder is that of a server on this machine; it means nothing to another one.
  const isOurs = isLoopbackHost(new URL(baseUrl).hostname) || (env.RETELL_WEBHOOK_KEY ?? '') !== '';
  return { target, webhookKey: isOurs ? config.webhookKeys[0]?.reveal() : undefined };
}

/** Where a server of this configuration would listen, as this machine can reach it. */
function configuredUrl({ host, port }: ClientConfig): string {
  if (port === 0) throw noUrl('PORT');
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

async function reachServer(target: FoundServer['target'], signal: AbortSignal): Promise<void> {
  try {
    await reach(target, signal);
  } catch (thrown) {
    const fault = toFault(thrown);
    if (fault.reason !== 'simulator.server_unreachable') throw fault;
    throw unreachable(target.baseUrl, fault);
  }
}

/** Nobody can know where a server listens that takes any free port. */
export function noUrl(variable: string): Fault {
  return new Fault('invalid', 'cli.no_url', `expected --url, since ${variable}=0 takes any free port`, {
    fixes: ['give the address the server printed: --url http://127.0.0.1:<port>'],
  });
}

export function unreachable(baseUrl: string, cause: unknown): Fault {
  return new Fault('unavailable', 'server.unreachable', `expected a server at ${baseUrl}, nothing listens there`, {
    cause,
    fixes: [
      'npm start                        start it here, in another terminal',
      '--url http://host:port           if it runs elsewhere',
    ],
  });
}

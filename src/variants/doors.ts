import type { CallId } from '../call/call.ts';
import { createCallProver } from '../operations/prove-call.ts';
import type { CallControl } from '../ports/call-control.ts';
import { createSocketDoor } from '../servers/llm-socket.ts';
import { speakRetell } from '../servers/retell-line.ts';
import { openServers } from '../servers/servers.ts';
import type { Clock } from '../std/clock.ts';
import type { Log } from '../std/log.ts';
import type { House } from './assemble.ts';
import type { Config } from './config.ts';

/** What listens: the public port for Retell, the admin port for whoever runs it. */
export interface Doors {
  /** Where to dial; a secret shows as `…`. */
  readonly urls: { readonly socket: string; readonly webhooks: string; readonly admin: string };
  /** Not ready from here on; new sockets are refused, those open stay. */
  stopAdmitting(): void;
  /** Loads the routes before the first request that wants one. */
  warmUp(): Promise<void>;
  close(): Promise<void>;
}

const DRAINING = { reason: 'draining', detail: 'the process is stopping: calls in progress end or move on' };

/** Opens the doors of an assembled house. Faults: `port.*`. */
export async function openDoors(config: Config, house: House, clock: Clock, log: Log): Promise<Doors> {
  const { roster, responder, metrics, operations, dialQueue, toolDesk, meter } = house;
  let isAdmitting = true;
  const door = createSocketDoor({
    secrets: config.socketSecrets.map((secret) => secret.reveal()),
    trustsEveryCall: config.trustsEveryCall,
    accept: (socket, info) =>
      speakRetell(socket, info, {
        clock,
        log,
        hearsDigits: config.agents.some(({ hearsDigits }) => hearsDigits),
        onMalformed: metrics.countFrame,
        accept: roster.accept,
      }),
    isEnded: operations.records.isEnded,
    prover: createCallProver(operations),
    onProven: prove,
    countFrame: metrics.countFrame,
    countRefused: metrics.countRefusedSocket,
    clock,
    log,
  });
  const figures = () => ({ ...meter.figures(), models: responder.models() });
  const servers = await openServers({
    host: config.host,
    port: config.port,
    adminPort: config.adminPort,
    apiKeys: config.apiKeys,
    webhookKeys: config.webhookKeys.map((key) => key.reveal()),
    door,
    context: {
      ...operations,
      liveCalls: { ...operations.liveCalls, prove },
      callControl: operations.callControl && (await cached(operations.callControl, clock)),
    },
    queue: dialQueue,
    desk: toolDesk,
    figures,
    metrics,
    notReadyBecause: () => (isAdmitting ? house.notReadyBecause() : [DRAINING]),
    dependencies: house.dependencies,
    log,
  });
  return {
    urls: urlsOf(config, servers),
    stopAdmitting() {
      isAdmitting = false;
      door.stopAdmitting();
    },
    warmUp: servers.warmUp,
    close: servers.close,
  };

  /** Whoever vouches for a call, its socket and its session learn of it together. */
  function prove(callId: CallId): void {
    door.markProven(callId);
    roster.prove(callId);
  }
}

/** Loaded only where there is a key for what it reads. */
async function cached(callControl: CallControl, clock: Clock): Promise<CallControl> {
  const { cachedReads } = await import('../operations/cached-reads.ts');
  return cachedReads(callControl, clock);
}

function urlsOf(
  config: Config,
  { port, adminPort }: { readonly port: number; readonly adminPort: number },
): Doors['urls'] {
  const host = config.host.includes(':') && !config.host.startsWith('[') ? `[${config.host}]` : config.host;
  const secret = config.socketSecrets.length > 0 ? '…/' : '';
  return {
    socket: `ws://${host}:${port}/llm-websocket/${secret}{call_id}`,
    webhooks: `http://${host}:${port}/webhooks/retell`,
    admin: `http://127.0.0.1:${adminPort}`,
  };
}

import { createCallProver } from '../operations/prove-call.ts';
import { createHttp } from '../servers/http.ts';
import { listen } from '../servers/listen.ts';
import { createSocketDoor } from '../servers/llm-socket.ts';
import { addProbeRoutes } from '../servers/probes.ts';
import { speakRetell } from '../servers/retell-line.ts';
import type { Clock } from '../std/clock.ts';
import type { Log } from '../std/log.ts';
import type { House } from './assemble.ts';
import type { Config } from './config.ts';
import type { Ports } from './ports.ts';

/** What listens: the public port for Retell, the admin port for whoever runs it. */
export interface Doors {
  readonly urls: { readonly socket: string; readonly webhooks: string; readonly admin: string };
  /** Not ready from here on; new sockets are refused, those open stay. */
  stopAdmitting(): void;
  close(): Promise<void>;
}

export async function openDoors(config: Config, house: House, ports: Ports, clock: Clock, log: Log): Promise<Doors> {
  const { roster, metrics, operations } = house;
  let isAdmitting = true;
  const socketDoor = createSocketDoor({
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
    isEnded: ports.records.isEnded,
    prover: createCallProver(operations),
    onProven: roster.prove,
    countFrame: metrics.countFrame,
    countRefused: metrics.countRefusedSocket,
    clock,
    log,
  });
  const open = createHttp(log);
  const admin = createHttp(log);
  const probes = { notReadyBecause: () => (isAdmitting ? [] : ['draining']) };
  for (const app of [open, admin]) addProbeRoutes(app, probes);
  open.server.on('upgrade', socketDoor.onUpgrade);

  const port = await listen(open, config.host, config.port, 'PORT');
  const adminPort = await listen(admin, '127.0.0.1', config.adminPort, 'OFFHOOK_ADMIN_PORT').catch(async (thrown) => {
    await open.close();
    throw thrown;
  });
  const host = config.host.includes(':') && !config.host.startsWith('[') ? `[${config.host}]` : config.host;
  const secret = config.socketSecrets.length > 0 ? '…/' : '';
  return {
    urls: {
      socket: `ws://${host}:${port}/llm-websocket/${secret}{call_id}`,
      webhooks: `http://${host}:${port}/webhooks/retell`,
      admin: `http://127.0.0.1:${adminPort}`,
    },
    stopAdmitting() {
      isAdmitting = false;
      socketDoor.stopAdmitting();
    },
    async close() {
      socketDoor.terminateAll();
      await Promise.all([open.close(), admin.close()]);
    },
  };
}

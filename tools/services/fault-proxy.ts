import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/** A stretch of network between a client and one service on loopback, that can go bad. */
export interface FaultProxy {
  readonly port: number;
  /** As if it were not there; what a black hole held back arrives. */
  pass(): void;
  /** What the client sends from now on arrives this much later; what comes back does not. */
  delay(delayMs: number): void;
  /** Connections stay open, new ones open, and nothing arrives on either side. */
  blackHole(): void;
  /** Every connection is reset, and every new one as soon as it is there. */
  reset(): void;
  close(): Promise<void>;
}

interface Chunk {
  /** Undefined: the sender's end. */
  readonly bytes: Buffer | undefined;
  /** On `performance`'s clock. */
  readonly dueAt: number;
}

type Mode = { readonly kind: 'pass' | 'blackHole' | 'reset' } | { readonly kind: 'delay'; readonly delayMs: number };

/** Listens on a free port, and carries what comes to `port`. */
export async function startFaultProxy(port: number): Promise<FaultProxy> {
  let mode: Mode = { kind: 'pass' };
  const sockets = new Set<Socket>();
  const pumps = new Set<() => void>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const service = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    for (const [one, other] of [
      [client, service],
      [service, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.resetAndDestroy());
      one.on('close', () => sockets.delete(one));
    }
    if (mode.kind === 'reset') client.resetAndDestroy();
    carry(client, service, () => (mode.kind === 'delay' ? mode.delayMs : 0));
    carry(service, client, () => 0);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const change = (next: Mode) => {
    mode = next;
    for (const pump of pumps) pump();
  };

  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    pass: () => change({ kind: 'pass' }),
    delay: (delayMs) => change({ kind: 'delay', delayMs }),
    blackHole: () => change({ kind: 'blackHole' }),
    reset() {
      change({ kind: 'reset' });
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };

  /** One direction of one connection. Nothing overtakes what was sent before it. */
  function carry(from: Socket, to: Socket, delayMs: () => number): void {
    const held: Chunk[] = [];
    let timer: NodeJS.Timeout | undefined;
    const pump = () => {
      clearTimeout(timer);
      while (mode.kind !== 'blackHole' && held[0] !== undefined) {
        const leftMs = held[0].dueAt - performance.now();
        if (leftMs > 0) {
          timer = setTimeout(pump, Math.ceil(leftMs));
          return;
        }
        const { bytes } = held.shift() ?? {};
        if (bytes) to.write(bytes);
        else to.end();
      }
    };
    const take = (bytes: Buffer | undefined) => {
      held.push({ bytes, dueAt: performance.now() + delayMs() });
      pump();
    };
    pumps.add(pump);
    from.on('data', take).on('end', () => take(undefined));
    from.on('close', () => {
      clearTimeout(timer);
      pumps.delete(pump);
    });
  }
}

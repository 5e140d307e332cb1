import { join } from 'node:path';
import type { ClientOrder, ClientReply } from './client.ts';
import { ROOT } from './host.ts';
import type { LoadOrder, LoadResult } from './load-order.ts';
import { CORE, listeningPort, type Running, run } from './processes.ts';
import type { StubBehaviour, StubCounts, StubOrder, StubReply } from './stub.ts';

/** The generator's process, by orders. */
export interface Generator {
  cpuMs(): number;
  /** Settles once every call has heard its begin message. */
  open(load: LoadOrder): Promise<void>;
  play(): Promise<LoadResult>;
  close(): Promise<void>;
  end(): Promise<void>;
}

export function startGenerator(): Generator {
  const client = run({ args: [join(ROOT, 'bench', 'client.ts')], core: CORE.generator, hasChannel: true });
  const order = (sent: ClientOrder) => ask<ClientReply>(client, sent);
  return {
    cpuMs: client.cpuMs,
    async open(load) {
      await order({ kind: 'open', load });
    },
    async play() {
      const reply = await order({ kind: 'play' });
      if (reply.kind === 'played') return reply.result;
      throw new Error(`expected a result of the generator, got ${JSON.stringify(reply)}`);
    },
    async close() {
      await order({ kind: 'close' });
    },
    end: client.end,
  };
}

/** The model's process, by orders. */
export interface Model {
  cpuMs(): number;
  /** Up to and including the version. */
  readonly url: string;
  /** From now on, with its counts at zero. */
  behave(behaviour: StubBehaviour): Promise<void>;
  count(): Promise<StubCounts>;
  end(): Promise<void>;
}

export async function startModel(): Promise<Model> {
  const stub = run({ args: [join(ROOT, 'bench', 'stub.ts')], core: CORE.generator, hasChannel: true });
  const order = (sent: StubOrder) => ask<StubReply>(stub, sent);
  return {
    cpuMs: stub.cpuMs,
    url: `http://127.0.0.1:${await listeningPort(stub)}/v1`,
    async behave(behaviour) {
      await order({ kind: 'behave', behaviour });
    },
    async count() {
      const reply = await order({ kind: 'count' });
      if (reply.kind === 'counted') return reply;
      throw new Error(`expected the counts of the model, got ${JSON.stringify(reply)}`);
    },
    end: stub.end,
  };
}

/** Sends an order and waits for its reply; one at a time. Our own processes keep to their types. */
async function ask<Reply extends { readonly kind: string }>(process: Running, order: object): Promise<Reply> {
  const replied = process.next();
  process.child.send(order);
  const reply = (await replied) as Reply;
  if (reply.kind === 'failed') throw new Error(JSON.stringify(reply));
  return reply;
}

/** The part of its core that the generator's side (client and model) used meanwhile: from 0 to 1. */
export function watchGenerator(processes: readonly { cpuMs(): number }[]): () => number {
  const total = () => processes.reduce((sum, each) => sum + each.cpuMs(), 0);
  const from = { cpuMs: total(), at: performance.now() };
  return () => (total() - from.cpuMs) / (performance.now() - from.at);
}

/** Above this part of its core the generator measures itself, and a run does not count. */
export const MAX_GENERATOR_RATIO = 0.8;

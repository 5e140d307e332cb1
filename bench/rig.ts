import { join } from 'node:path';
import type { ClientOrder, ClientReply } from './client.ts';
import { ROOT } from './host.ts';
import type { LoadOrder, LoadResult } from './load-order.ts';
import { CORE, kept, listeningPort, type Running, run } from './processes.ts';
import type { StubBehaviour, StubCounts, StubOrder, StubReply } from './stub.ts';

/** What a server is measured with: callers, and the model that it asks. */
export interface Rig extends AsyncDisposable {
  readonly generator: Generator;
  readonly model: Model;
}

/** Starts generator and model; disposing ends both. */
export async function startRig(): Promise<Rig> {
  await using started = new AsyncDisposableStack();
  const generator = started.use(startGenerator());
  const model = started.use(await startModel());
  return { generator, model, ...kept(started) };
}

/** The generator's process, by orders. */
interface Generator extends AsyncDisposable {
  cpuMs(): number;
  /** Settles once every call has heard its begin message. */
  open(load: LoadOrder): Promise<void>;
  play(): Promise<LoadResult>;
  close(): Promise<void>;
}

function startGenerator(): Generator {
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
    [Symbol.asyncDispose]: client[Symbol.asyncDispose],
  };
}

/** The model's process, by orders. */
export interface Model extends AsyncDisposable {
  cpuMs(): number;
  /** Up to and including the version. */
  readonly url: string;
  /** From now on, with its counts at zero. */
  behave(behaviour: StubBehaviour): Promise<void>;
  count(): Promise<StubCounts>;
}

async function startModel(): Promise<Model> {
  await using started = new AsyncDisposableStack();
  const stub = started.use(run({ args: [join(ROOT, 'bench', 'stub.ts')], core: CORE.generator, hasChannel: true }));
  const order = (sent: StubOrder) => ask<StubReply>(stub, sent);
  const port = await listeningPort(stub);
  return {
    cpuMs: stub.cpuMs,
    url: `http://127.0.0.1:${port}/v1`,
    async behave(behaviour) {
      await order({ kind: 'behave', behaviour });
    },
    async count() {
      const reply = await order({ kind: 'count' });
      if (reply.kind === 'counted') return reply;
      throw new Error(`expected the counts of the model, got ${JSON.stringify(reply)}`);
    },
    ...kept(started),
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

/** The part of its core that the rig used meanwhile: from 0 to 1. */
export function watchRig({ generator, model }: Rig): () => number {
  const total = () => generator.cpuMs() + model.cpuMs();
  const from = { cpuMs: total(), at: performance.now() };
  return () => (total() - from.cpuMs) / (performance.now() - from.at);
}

/** Above this part of its core the generator measures itself, and a run does not count. */
export const MAX_RIG_RATIO = 0.8;

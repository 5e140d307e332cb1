import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../../std/clock.ts';
import { seededRandom } from '../../std/random.ts';
import { listenLocally, readBody } from './http-server.ts';
import { defaultAnswer, readStubRequest, type StubAnswer, type StubRequest } from './stub-answer.ts';
import { behaviourSource, type StubBehaviour, type StubShare } from './stub-behaviour.ts';
import { refuse, respond } from './stub-stream.ts';

/** What the stub answers and how often it fails. */
export interface ModelStubOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** Done first, one per request, before shares are drawn. */
  readonly queue?: readonly StubBehaviour[];
  readonly shares?: readonly StubShare[];
  /** What the rest of the requests get; default `ok` without delays. */
  readonly otherwise?: StubBehaviour;
  readonly seed?: number;
  readonly answer?: (request: StubRequest) => StubAnswer;
  /** Required as a bearer token when given; 401 without it. */
  readonly apiKey?: string;
  readonly clock?: Clock;
}

/** Counts since the stub was started. */
export interface ModelStubStats {
  readonly requests: number;
  /** Requests whose client went away before their answer had ended. */
  readonly aborted: number;
  readonly openSockets: number;
  readonly byKind: Readonly<Record<StubBehaviour['kind'], number>>;
}

/** A running stub. */
export interface ModelStub {
  /** To be used as a base URL: `http://127.0.0.1:port/v1`. */
  readonly url: string;
  stats(): ModelStubStats;
  /** Requests as they were read, newest last; the newest hundred. */
  requests(): readonly StubRequest[];
  /** Behaviours for the next requests. */
  push(...behaviours: readonly StubBehaviour[]): void;
  /** Resolves once the figures satisfy `isTrue`, looked at whenever one changes; rejects with the signal's reason. */
  until(isTrue: (stats: ModelStubStats) => boolean, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const KEPT_REQUESTS = 100;

/** An OpenAI-compatible `/v1/chat/completions`, streaming, that fails to order in every way real ones do. */
export async function startModelStub(options: ModelStubOptions = {}): Promise<ModelStub> {
  const behaviours = behaviourSource(
    options.queue ?? [],
    options.shares ?? [],
    options.otherwise ?? { kind: 'ok' },
    seededRandom(options.seed ?? 1),
  );
  const ledger = newLedger();
  const server = await listenLocally((request, response) => {
    // Whatever goes wrong goes wrong for this one client, who sees its connection break.
    serve(request, response, options, behaviours, ledger).catch(() => response.destroy());
  }, options.port);
  server.http.on('connection', (socket) => {
    ledger.socketOpened();
    socket.once('close', ledger.socketClosed);
  });
  return {
    url: `${server.url}/v1`,
    stats: ledger.stats,
    requests: ledger.requests,
    push: behaviours.push,
    until: ledger.until,
    close: server.close,
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: ModelStubOptions,
  behaviours: ReturnType<typeof behaviourSource>,
  ledger: Ledger,
): Promise<void> {
  const gone = new AbortController();
  let isOver = false;
  response.on('error', () => {}); // the client went away: `close` says so
  response.once('finish', () => {
    isOver = true;
  });
  const asked = readStubRequest(await readBody(request));
  if (request.method !== 'POST' || !request.url?.endsWith('/chat/completions')) {
    refuse(response, 404);
    return;
  }
  if (options.apiKey !== undefined && request.headers.authorization !== `Bearer ${options.apiKey}`) {
    refuse(response, 401);
    return;
  }
  if (!asked) {
    refuse(response, 400);
    return;
  }
  const behaviour = behaviours.next();
  ledger.asked(asked, behaviour);
  response.once('close', () => {
    gone.abort();
    if (!isOver) ledger.aborted();
  });
  const cut = () => {
    isOver = true;
    response.destroy();
  };
  const answer = (options.answer ?? defaultAnswer)(asked);
  const exchange = { request: asked, answer, behaviour, response, clock: options.clock ?? systemClock, cut };
  await respond(exchange, gone.signal);
}

interface Ledger extends Pick<ModelStub, 'stats' | 'requests' | 'until'> {
  asked(request: StubRequest, behaviour: StubBehaviour): void;
  aborted(): void;
  socketOpened(): void;
  socketClosed(): void;
}

function newLedger(): Ledger {
  const counts = { requests: 0, aborted: 0, openSockets: 0 };
  const byKind = { ok: 0, hang: 0, refuse: 0, cut: 0, malformed: 0 };
  const kept: StubRequest[] = [];
  const watchers = new Set<() => void>();
  const stats = () => ({ ...counts, byKind: { ...byKind } });
  const add = (count: keyof typeof counts, by: number) => {
    counts[count] += by;
    for (const watcher of [...watchers]) watcher();
  };
  return {
    stats,
    requests: () => [...kept],
    asked(request, behaviour) {
      kept.push(request);
      if (kept.length > KEPT_REQUESTS) kept.shift();
      byKind[behaviour.kind] += 1;
      add('requests', 1);
    },
    aborted: () => add('aborted', 1),
    socketOpened: () => add('openSockets', 1),
    socketClosed: () => add('openSockets', -1),
    until: (isTrue, signal) =>
      new Promise((resolve, reject) => {
        const settle = () => {
          if (!signal.aborted && !isTrue(stats())) return;
          watchers.delete(settle);
          signal.removeEventListener('abort', settle);
          if (signal.aborted) reject(signal.reason);
          else resolve();
        };
        watchers.add(settle);
        signal.addEventListener('abort', settle, { once: true });
        settle();
      }),
  };
}

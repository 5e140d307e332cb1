import { systemClock } from '../../std/clock.ts';
import { randomHex } from '../../std/random.ts';
import { type FakeCall, type ListedCall, listPage } from './fake-retell-lists.ts';
import { listenLocally, readBody } from './http-server.ts';

/** How the next dial fails after the person's phone has rung, which its caller cannot know. */
type DialFailure =
  /** The dial is recorded, then no answer comes. */
  | { readonly kind: 'timeout' }
  /** The dial is recorded, then this status is answered. */
  | { readonly kind: 'status'; readonly status: number }
  /** The dial is recorded, then the connection breaks. */
  | { readonly kind: 'reset' }
  /** Nothing is recorded: the only failure that is safe to repeat. */
  | { readonly kind: 'refused'; readonly status: number };

/** The key clients must bring, and where to listen; port 0, the default, takes a free one. */
interface FakeRetellOptions {
  readonly apiKey: string;
  readonly port?: number;
}

/** A running fake, and what tests may look at or arrange. */
export interface FakeRetell {
  /** Base URL for `retell-sdk`. */
  readonly url: string;
  /** Every person dialled, once per dial. */
  readonly dials: () => readonly FakeCall[];
  readonly calls: () => readonly FakeCall[];
  /** Makes a call known, as if Retell had received it. */
  add(call: Partial<FakeCall>): FakeCall;
  setStatus(callId: string, status: string): void;
  /** The call is over, as Retell's own books say. */
  end(callId: string, disconnectionReason: string, durationMs?: number): void;
  /** Calls are not listed from now on, or again: a list of Retell's may lag behind. */
  hideLists(isHidden: boolean): void;
  /** What the workspace is told to have at once; without, what is not over counts, of 20. */
  setConcurrency(current: number, limit: number): void;
  failNext(...failures: readonly DialFailure[]): void;
  /** Requests per `METHOD path`, ids replaced by `:id`. */
  readonly requests: () => ReadonlyMap<string, number>;
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly body?: object;
}

/** Retell's REST API, as much of it as offhook calls, with phones that only ring on paper. */
export async function startFakeRetell(options: FakeRetellOptions): Promise<FakeRetell> {
  const calls = new Map<string, FakeCall>();
  const dials: FakeCall[] = [];
  const failures: DialFailure[] = [];
  const requests = new Map<string, number>();
  const book: Book = { calls, dials, isHidden: false, concurrency: undefined };
  const server = await listenLocally((request, response) => {
    const send = ({ status, body }: Reply) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body && JSON.stringify(body));
    };
    const handle = async () => {
      const method = request.method ?? '';
      const [path = '', query = ''] = (request.url ?? '').split('?');
      const body = parse(await readBody(request));
      const route = routeOf(method, path);
      requests.set(route.name, (requests.get(route.name) ?? 0) + 1);
      if (request.headers.authorization !== `Bearer ${options.apiKey}`) return send(problem(401, 'Invalid API Key'));
      if (route.name !== 'POST /v2/create-phone-call') return send(answer(route, body, query, book));
      const failure = failures.shift();
      if (failure?.kind === 'refused') return send(problem(failure.status, 'refused by the fake'));
      const reply = dial(body, book);
      if (failure?.kind === 'timeout') return;
      if (failure?.kind === 'reset') return response.destroy();
      return send(failure?.kind === 'status' ? problem(failure.status, 'failed after dialling') : reply);
    };
    handle().catch(() => response.destroy());
  }, options.port);
  return {
    url: server.url,
    dials: () => [...dials],
    calls: () => [...calls.values()],
    add(call) {
      const whole = { ...newCall({}), ...call };
      calls.set(whole.call_id, whole);
      return whole;
    },
    setStatus: (callId, status) => change(calls, callId, { call_status: status }),
    end: (callId, disconnection_reason, duration_ms = 1_000) =>
      change(calls, callId, { ...overNow(), disconnection_reason, duration_ms }),
    hideLists(isHidden) {
      book.isHidden = isHidden;
    },
    setConcurrency(current, limit) {
      book.concurrency = { current, limit };
    },
    failNext: (...more) => failures.push(...more),
    requests: () => requests,
    close: server.close,
  };
}

interface Book {
  readonly calls: Map<string, FakeCall>;
  readonly dials: FakeCall[];
  isHidden: boolean;
  concurrency: { readonly current: number; readonly limit: number } | undefined;
}

const OVER: ReadonlySet<string> = new Set(['ended', 'error', 'not_connected']);
const AGENTS = [
  { agent_id: 'agent_fake', agent_name: 'Front desk', channel: 'voice' },
  { agent_id: 'agent_chat', agent_name: 'Chat desk', channel: 'chat' },
  { agent_id: 'agent_other', agent_name: 'Back desk', channel: 'voice' },
] as const;

interface Route {
  readonly name: string;
  readonly id: string;
}

function routeOf(method: string, path: string): Route {
  const [, prefix, id = ''] = /^(\/v2\/(?:get-call|stop-call))\/([^/]+)$/.exec(path) ?? [];
  return { name: prefix === undefined ? `${method} ${path}` : `${method} ${prefix}/:id`, id: decodeURIComponent(id) };
}

function answer(route: Route, body: Readonly<Record<string, unknown>>, query: string, book: Book): Reply {
  switch (route.name) {
    case 'GET /v2/get-call/:id': {
      const call = book.calls.get(route.id);
      return call ? { status: 200, body: { ...call, call_type: 'phone_call' } } : problem(404, 'Cannot find call');
    }
    case 'POST /v2/stop-call/:id':
      if (!book.calls.has(route.id)) return problem(404, 'Cannot find call');
      change(book.calls, route.id, { ...overNow(), disconnection_reason: 'manual_stopped' });
      return { status: 204 };
    case 'POST /v3/list-calls':
      return { status: 200, body: listPage(book.isHidden ? [] : [...book.calls.values()].map(listedOf), body) };
    case 'POST /v2/list-agents':
      return { status: 200, body: listPage(AGENTS, Object.fromEntries(new URLSearchParams(query))) };
    case 'GET /get-concurrency':
      return { status: 200, body: concurrencyOf(book) };
    default:
      return problem(404, 'Not found');
  }
}

function dial(body: Readonly<Record<string, unknown>>, { calls, dials }: Book): Reply {
  if (typeof body.from_number !== 'string' || typeof body.to_number !== 'string') {
    return problem(422, 'from_number and to_number are required');
  }
  const call = newCall(body);
  calls.set(call.call_id, call);
  dials.push(call);
  return { status: 201, body: { ...call, call_type: 'phone_call' } };
}

function newCall(body: Readonly<Record<string, unknown>>): FakeCall {
  const text = (field: string, otherwise: string) => {
    const value = body[field];
    return typeof value === 'string' ? value : otherwise;
  };
  return {
    call_id: `call_${randomHex(12)}`,
    agent_id: text('override_agent_id', 'agent_fake'),
    call_status: 'registered',
    from_number: text('from_number', ''),
    to_number: text('to_number', ''),
    metadata: body.metadata,
    start_timestamp: systemClock.wall(),
  };
}

function change(calls: Map<string, FakeCall>, callId: string, changes: Partial<FakeCall>): void {
  const call = calls.get(callId);
  if (call) calls.set(callId, { ...call, ...changes });
}

function overNow(): Partial<FakeCall> {
  return { call_status: 'ended', end_timestamp: systemClock.wall() };
}

/** Lists name calls by what came of them; what was said is not in them. */
function listedOf(call: FakeCall): ListedCall {
  return { ...call, call_type: 'phone_call' };
}

function concurrencyOf({ calls, concurrency }: Book): object {
  const current = [...calls.values()].filter(({ call_status }) => !OVER.has(call_status)).length;
  const { current: told = current, limit = 20 } = concurrency ?? {};
  return { current_concurrency: told, concurrency_limit: limit, base_concurrency: 20, purchased_concurrency: 0 };
}

function problem(status: number, message: string): Reply {
  return { status, body: { status: 'error', message } };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return record(text === '' ? {} : JSON.parse(text));
  } catch {
    return {}; // an unreadable body has no fields; the route says which it needs
  }
}

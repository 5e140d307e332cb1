import { z } from 'zod';
import type { TurnFigures } from '../../observe/meter.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { OperationContext } from '../../operations/context.ts';
import type { DialQueue } from '../../operations/dial-queue.ts';
import { Fault } from '../../std/fault.ts';
import type { DependencyStatus } from '../dependency-status.ts';
import type { Role } from '../roles.ts';
import type { OpenApiDocument } from './open-api-document.ts';

/** What the routes of the service layer draw on. */
export interface RestHouse {
  readonly context: OperationContext;
  readonly queue: DialQueue;
  readonly figures: () => TurnFigures;
  readonly metrics: Pick<Metrics, 'scrape'>;
  readonly dependencies: () => readonly DependencyStatus[];
  /** The description of all routes. */
  readonly document: () => Promise<OpenApiDocument>;
}

/** A request before it is judged. `body` is JSON already. */
export interface RestRequest {
  readonly path: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  readonly body?: unknown;
}

export interface RestAnswer<Body = unknown> {
  readonly status: number;
  readonly body: Body;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Who asks, as far as the answer depends on it. */
export interface Asker {
  readonly mayReadWords: boolean;
}

interface Described {
  readonly method: 'GET' | 'POST';
  /** As OpenAPI writes it: `/api/v1/calls/{id}`. */
  readonly path: string;
  /** Its name in generated clients: `placeCall`. */
  readonly name: string;
  readonly group: 'Calls' | 'Retell' | 'Jobs' | 'State' | 'Documentation';
  readonly summary: string;
  readonly more?: string;
  readonly role: Role;
  /** A key is wanted on the admin port, too. */
  readonly isAlwaysKeyed?: boolean;
  /** What each status of success means. */
  readonly answers: Readonly<Record<number, string>>;
  /** The reasons of its own refusals by status; what any route may refuse is not repeated. */
  readonly refusals?: Readonly<Record<number, readonly string[]>>;
  /** Of the answer; default JSON. */
  readonly mediaType?: string;
}

/** One row of the table that drives the routes, who may ask for them, and their documentation. */
export interface RestRoute extends Described {
  /** What it reads of a request: any of `path`, `query`, `headers`, `body`. */
  readonly asks: z.ZodObject;
  readonly answer: z.ZodType;
  /** @throws Fault `api.bad_body`, `api.bad_header`, `api.bad_query`, and what the operation throws */
  perform(request: RestRequest, asker: Asker, house: RestHouse, signal: AbortSignal): Promise<RestAnswer>;
}

/** A row of the table, from a handler that is given what `asks` has let through and gives what `answer` says. */
export function restRoute<Asks extends z.ZodObject, Answer extends z.ZodType>(
  row: Described & {
    readonly asks: Asks;
    readonly answer: Answer;
    readonly handle: (
      asked: z.output<Asks>,
      house: RestHouse,
      signal: AbortSignal,
      asker: Asker,
    ) => Promise<RestAnswer<z.input<Answer>>>;
  },
): RestRoute {
  const { handle, ...described } = row;
  return {
    ...described,
    perform: (request, asker, house, signal) => handle(judge(row.asks, request), house, signal, asker),
  };
}

/** For routes that read nothing of a request but its path. */
export const NOTHING = z.object({});

const REASONS = new Map([
  ['body', 'api.bad_body'],
  ['headers', 'api.bad_header'],
]);

function judge<Asks extends z.ZodObject>(asks: Asks, request: RestRequest): z.output<Asks> {
  const judged = asks.safeParse(request);
  if (judged.success) return judged.data;
  const { issues } = judged.error;
  const problems = issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.slice(1).map(String).join('.') || 'all of it'}: ${message}`);
  const reason = REASONS.get(String(issues[0]?.path[0])) ?? 'api.bad_query';
  throw new Fault('invalid', reason, `could not use ${problems.join('; ')}`);
}

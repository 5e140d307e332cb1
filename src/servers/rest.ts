import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '../std/fault.ts';
import { parseJson } from '../std/json.ts';
import { lazily } from '../std/lazily.ts';
import { rawBody, sendProblem } from './http.ts';
import { genericProblem } from './problem.ts';
import { type Admission, createAdmission } from './rest/admission.ts';
import type { RestHouse, RestRoute } from './rest/route.ts';
import { REST_ROUTES } from './rest/table.ts';
import type { ApiKey } from './roles.ts';

export interface RestRouteOptions extends Omit<RestHouse, 'document'> {
  /** What clients present; none closes the service layer on the public port. */
  readonly apiKeys: readonly ApiKey[];
  /** The loopback port: no key needed but to dial, and no name but a loopback one is answered to. */
  readonly isAdmin: boolean;
  readonly signal: AbortSignal;
}

const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'] as const;
/** What a body in JSON may call itself: `curl -d` and `fetch` name a text as they please. */
const JSON_TYPES = /^(application\/(json|[\w.-]+\+json|octet-stream|x-www-form-urlencoded)|text\/plain)\s*(;|$)/i;
/** Calls are nobody else's business: no cache keeps them, no browser guesses what they are. */
const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/**
 * The service layer, for people and programs of our own. On the public port every route wants a key whose role reaches
 * its own, and without any key there is nothing there; on the admin port only dialling wants one.
 */
export function addRestRoutes(app: FastifyInstance, options: RestRouteOptions): void {
  const { apiKeys, isAdmin, signal, ...rest } = options;
  if (!isAdmin && apiKeys.length === 0) return;
  const document = lazily(async () => (await import('./rest/open-api.ts')).openApi(REST_ROUTES));
  const house: RestHouse = { ...rest, document };
  const admission = createAdmission(apiKeys, isAdmin);
  for (const route of REST_ROUTES) addRoute(app, route, house, admission, signal);
  for (const path of new Set(REST_ROUTES.map((route) => route.path))) refuseOtherMethods(app, path, admission);
}

function addRoute(
  app: FastifyInstance,
  route: RestRoute,
  house: RestHouse,
  admission: Admission,
  signal: AbortSignal,
): void {
  const hasBody = 'body' in route.asks.shape;
  app.route({
    method: route.method,
    url: routerPath(route.path),
    onRequest: admission.guard(route.role, route.isAlwaysKeyed ?? false),
    async handler(request, reply) {
      if (hasBody && !isJson(request)) return refuse(reply, request, 415, 'expected JSON, as application/json');
      const { params: path, query, headers } = request;
      const asked = { path, query, headers, ...(hasBody && { body: bodyOf(request) }) };
      const answer = await route.perform(asked, admission.askerOf(request), house, signal);
      return reply
        .code(answer.status)
        .headers({ ...HEADERS, ...answer.headers })
        .send(answer.body);
    },
  });
}

/** What is there under another method says so, to whoever may know what is there. */
function refuseOtherMethods(app: FastifyInstance, path: string, { guard }: Admission): void {
  const served: readonly string[] = REST_ROUTES.filter((route) => route.path === path).map(({ method }) => method);
  app.route({
    method: METHODS.filter((method) => !served.includes(method)),
    url: routerPath(path),
    onRequest: guard('viewer', false),
    handler: async (request, reply) =>
      refuse(reply.header('allow', served.join(', ')), request, 405, `expected ${served.join(' or ')}`),
  });
}

function refuse(reply: FastifyReply, request: FastifyRequest, status: number, detail: string): FastifyReply {
  return sendProblem(reply, request, { ...genericProblem(status), detail });
}

/** `/calls/{id}` as the router writes it: `/calls/:id`. */
function routerPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

function isJson({ headers }: FastifyRequest): boolean {
  const { 'content-type': type = 'application/json', 'content-encoding': encoding = 'identity' } = headers;
  return JSON_TYPES.test(type) && encoding.toLowerCase() === 'identity';
}

function bodyOf(request: FastifyRequest): unknown {
  const value = parseJson(rawBody(request).toString());
  if (value === undefined) throw new Fault('invalid', 'api.not_json', 'expected a JSON body');
  return value;
}

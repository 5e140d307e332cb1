import type { RequestListener } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Log } from '../std/log.ts';
import { createHttp } from './http.ts';
import { addRestRoutes, type RestRouteOptions } from './rest.ts';
import { addWebhookRoutes, type WebhookRouteOptions } from './webhooks.ts';

/** The routes of the public port: Retell's webhooks, and the service layer for whoever has the key. */
export function publicRoutes(
  log: Log,
  webhooks: WebhookRouteOptions,
  rest: RestRouteOptions,
): Promise<RequestListener> {
  const app = createHttp(log);
  addWebhookRoutes(app, webhooks);
  addRestRoutes(app, rest);
  return listenerOf(app);
}

/** The routes of the admin port. */
export function adminRoutes(log: Log, rest: RestRouteOptions): Promise<RequestListener> {
  const app = createHttp(log);
  addRestRoutes(app, rest);
  return listenerOf(app);
}

async function listenerOf(app: FastifyInstance): Promise<RequestListener> {
  await app.ready();
  return (request, response) => app.routing(request, response);
}

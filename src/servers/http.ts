import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Fault, toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { genericProblem, PROBLEM_TYPE, type Problem, problemOf } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The peer proved who it is (signature, key, or the loopback port): it may read what went wrong. */
    isTrusted: boolean;
  }
}

/** What a body may weigh where Retell sends whole transcripts, and anywhere else. */
export const RETELL_BODY_BYTES = 10 * 1024 * 1024;
const BODY_BYTES = 256 * 1024;

/** Fastify would load its compilers of schemas, 100 files, for routes that have none: zod judges what comes in. */
const NO_COMPILERS = { buildValidator: refuseSchema, buildSerializer: refuseSchema };

/**
 * Makes what routes are added to; it listens nowhere itself. Bodies stay raw bytes, errors are problem+json, requests
 * are not logged (their URLs hold secrets, their bodies words). Failures of ours are logged once, by reason.
 */
export function createHttp(log: Log): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    routerOptions: { maxParamLength: 256 },
    schemaController: { compilersFactory: NO_COMPILERS },
    exposeHeadRoutes: false,
    frameworkErrors: (_error, request, reply) => sendProblem(reply, request, genericProblem(404)),
  });
  app.decorateRequest('isTrusted', false);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler((request, reply) => sendProblem(reply, request, genericProblem(404)));
  app.setErrorHandler((thrown, request, reply) => answerError(thrown, request, reply, log));
  return app;
}

function refuseSchema(): never {
  throw new Fault('bug', 'http.route_schema', 'expected a route without a schema, one has it', {
    effect: 'nobody is answered until it starts',
    fixes: ['check the body in the handler, with zod'],
  });
}

/** The request's body as it came, empty when there was none. */
export function rawBody(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
}

/** A header that must not come twice; a doubled one counts as none. */
export function oneHeader(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const status = statusOfFramework(thrown);
  if (status !== undefined) return sendProblem(reply, request, genericProblem(status));
  const fault = toFault(thrown, 'http.handler_failed');
  if (fault.kind === 'bug') log.error({ route: request.routeOptions.url, reason: fault.reason }, 'a request failed');
  const problem = problemOf(fault);
  return sendProblem(reply, request, request.isTrusted ? problem : genericProblem(problem.status));
}

/** The framework's own refusals (too large, half a body, no such method) are the peer's doing, so never a Fault. */
function statusOfFramework(thrown: unknown): number | undefined {
  if (thrown instanceof Fault || typeof thrown !== 'object' || thrown === null) return undefined;
  if (!('statusCode' in thrown) || typeof thrown.statusCode !== 'number') return undefined;
  return thrown.statusCode >= 400 && thrown.statusCode < 500 ? thrown.statusCode : undefined;
}

/** Answers with a problem as it is: what a stranger may not know must not be in it. */
export function sendProblem(reply: FastifyReply, request: FastifyRequest, problem: Problem): FastifyReply {
  // What was refused may have a body nobody will read: the connection is not worth keeping.
  if (problem.status === 401 || problem.status === 413) reply.header('connection', 'close');
  const body = request.method === 'HEAD' ? '' : JSON.stringify(problem);
  return reply.code(problem.status).header('cache-control', 'no-store').type(PROBLEM_TYPE).send(body);
}

import type { FastifyInstance } from 'fastify';

export interface ProbeOptions {
  /** Why no new call should come here (`starting`, `draining`); empty when one may. */
  readonly notReadyBecause: () => readonly string[];
}

/** `GET /live`: the process turns its loop. `GET /ready`: new calls may come; 503 with the reasons otherwise. */
export function addProbeRoutes(app: FastifyInstance, options: ProbeOptions): void {
  app.get('/live', async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'live' }));
  app.get('/ready', async (_request, reply) => {
    const reasons = options.notReadyBecause();
    reply.header('cache-control', 'no-store');
    return reasons.length === 0
      ? reply.send({ status: 'ready' })
      : reply.code(503).send({ status: 'not_ready', reasons });
  });
}

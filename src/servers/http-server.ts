import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { toFault } from '../std/fault.ts';
import { lazily } from '../std/lazily.ts';
import type { Log } from '../std/log.ts';
import { createServer } from './node-http.ts';
import { type ProbeOptions, probe } from './probes.ts';
import { printRefusal } from './refusal.ts';

export interface HttpServerOptions extends ProbeOptions {
  /** Loads what answers everything but probes. Asked once; again only if it failed. */
  readonly loadRoutes: () => Promise<RequestListener>;
  readonly log: Log;
}

export interface HttpServer {
  readonly server: Server;
  /** Loads the routes now, if no request has made it. */
  load(): Promise<void>;
  /** Closes the port and every connection. Idempotent. */
  close(): Promise<void>;
}

/** Node's defaults let a slow peer hold a socket for minutes; half requests are closed after six seconds here. */
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_EVERY_MS = 1_000;
const KEEP_ALIVE_MS = 5_000;
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * An HTTP server that answers probes, and calls' upgrades, from its first moment; its routes are loaded with the first
 * request that wants one. After a restart callers dial within the second, and none of them waits for a router.
 */
export function createHttpServer({ loadRoutes, notReadyBecause, log }: HttpServerOptions): HttpServer {
  const load = lazily(loadRoutes);
  let closed: Promise<void> | undefined;

  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Some HTTP clients offer h2c with every request: that is no reason not to answer it.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
    },
    (request, response) => {
      const answer = probe(request, notReadyBecause);
      if (answer) sendJson(response, answer.status, answer.body);
      else void route(request, response);
    },
  );
  server.on('clientError', refuseHalfRequest);

  return {
    server,
    async load() {
      await load();
    },
    close() {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closed;
    },
  };

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const routes = await load();
      routes(request, response);
    } catch (thrown) {
      log.error({ reason: toFault(thrown).reason }, 'a request found no routes');
      request.socket.end(printRefusal(503));
    }
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' };
  response.writeHead(status, headers).end(JSON.stringify(body));
}

/** What is not even HTTP gets the same shape as any error, and a closed connection. */
function refuseHalfRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  socket.end(printRefusal(status), () => socket.destroy());
}

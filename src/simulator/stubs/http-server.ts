import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';

/** A server of ours that listens on loopback only, until closed. */
interface LocalServer {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly http: Server;
  /** Cuts what is open and stops listening. */
  close(): Promise<void>;
}

/** @param port 0 takes a free one */
export async function listenLocally(listener: RequestListener, port = 0): Promise<LocalServer> {
  const http = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, '127.0.0.1', resolve);
  });
  const address = http.address();
  const taken = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://127.0.0.1:${taken}`,
    http,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

/** The whole body as text. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

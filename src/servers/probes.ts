import type { IncomingMessage } from 'node:http';

export interface ProbeOptions {
  /** Why no new call should come here (`starting`, `draining`); empty when one may. */
  readonly notReadyBecause: () => readonly string[];
}

export interface ProbeAnswer {
  readonly status: number;
  readonly body: { readonly status: string; readonly reasons?: readonly string[] };
}

/**
 * `GET /live`: the process turns its loop. `GET /ready`: new calls may come; 503 with the reasons otherwise. Undefined
 * for any other request.
 */
export function probe(
  { method, url }: Pick<IncomingMessage, 'method' | 'url'>,
  notReadyBecause: ProbeOptions['notReadyBecause'],
): ProbeAnswer | undefined {
  if (method !== 'GET') return undefined;
  switch (url?.split('?', 1)[0]) {
    case '/live':
      return { status: 200, body: { status: 'live' } };
    case '/ready': {
      const reasons = notReadyBecause();
      if (reasons.length === 0) return { status: 200, body: { status: 'ready' } };
      return { status: 503, body: { status: 'not_ready', reasons } };
    }
    default:
      return undefined;
  }
}

import type { IncomingMessage } from 'node:http';

/** Something that keeps new calls away. Anybody may read it: neither addresses nor secrets belong here. */
export interface NotReady {
  /** `draining`, or the reason of a Fault: `redis.unreachable`. */
  readonly reason: string;
  /** What that means, as a sentence: "Redis does not answer: only calls in progress go on". */
  readonly detail: string;
}

export interface ProbeOptions {
  /** Why no new call should come here; empty when one may. */
  readonly notReadyBecause: () => readonly NotReady[];
}

export interface ProbeAnswer {
  readonly status: number;
  readonly body: { readonly status: string; readonly reasons?: readonly NotReady[] };
}

/**
 * `GET /live` and `GET /health`: the process turns its loop, whatever else is missing. `GET /ready`: new calls may
 * come; 503 with the reasons otherwise. Undefined for any other request.
 */
export function probe(
  { method, url }: Pick<IncomingMessage, 'method' | 'url'>,
  notReadyBecause: ProbeOptions['notReadyBecause'],
): ProbeAnswer | undefined {
  if (method !== 'GET') return undefined;
  switch (url?.split('?', 1)[0]) {
    case '/live':
    case '/health':
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

import { type CallId, parseCallId } from '../call/call.ts';
import { matchesOne } from './keys.ts';

export type SocketAddress =
  | { readonly kind: 'call'; readonly callId: CallId; readonly hasSecret: boolean }
  /** Why, for our own counts: the peer only learns that there is nothing here. */
  | { readonly kind: 'refused'; readonly reason: 'path' | 'secret' | 'call_id' | 'unresolved_variable' };

const ROOM = '/llm-websocket';

/**
 * Reads `/llm-websocket/{call_id}`, or `/llm-websocket/{secret}/{call_id}` when there are secrets; then the bare path
 * is refused. A query is tolerated, also one after which Retell put the call id (`?tenant=acme/{call_id}`): where it
 * lands is documented only as "last path segment".
 *
 * @param url the request's target, path and query
 */
export function readSocketAddress(url: string, secrets: readonly string[]): SocketAddress {
  // A dynamic variable that was never set stays in the URL as it was written: whatever it was meant to prove, it does not.
  if (/[{}]|%7b|%7d/i.test(url)) return { kind: 'refused', reason: 'unresolved_variable' };
  const queryAt = url.indexOf('?');
  const path = queryAt < 0 ? url : url.slice(0, queryAt);
  const query = queryAt < 0 ? '' : url.slice(queryAt + 1);
  if (path !== ROOM && !path.startsWith(`${ROOM}/`)) return { kind: 'refused', reason: 'path' };

  const segments = path
    .slice(ROOM.length)
    .split('/')
    .filter((segment) => segment !== '');
  const wanted = secrets.length > 0 ? 2 : 1;
  if (segments.length === wanted - 1 && query.includes('/')) segments.push(query.slice(query.lastIndexOf('/') + 1));
  if (segments.length !== wanted) return { kind: 'refused', reason: secrets.length > 0 ? 'secret' : 'path' };

  const [secret, id] = wanted === 2 ? segments : [undefined, segments[0]];
  const isWelcome = secret === undefined || matchesOne(decode(secret), secrets);
  if (!isWelcome) return { kind: 'refused', reason: 'secret' };
  const callId = parseCallId(id ?? '');
  return callId ? { kind: 'call', callId, hasSecret: secret !== undefined } : { kind: 'refused', reason: 'call_id' };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // not percent-encoded after all: compared as it is
  }
}

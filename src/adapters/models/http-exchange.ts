import type { Dispatcher } from 'undici';
import { systemClock } from '../../std/clock.ts';

export interface HttpRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An answer from its headers on. */
export interface HttpAnswer {
  readonly statusCode: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body as it comes, for one reader; what came together is one piece. Throws what the network or the signal did. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** The reader has what it wanted: the rest is thrown away as it comes, so that the connection can serve the next request. */
  giveBack(): void;
  /** Frees the socket at once, unless the answer was whole. */
  drop(): void;
}

/** Once nobody reads any more the server has this long, and this many bytes, to end the answer. */
const GIVE_BACK_MS = 100;
const GIVE_BACK_BYTES = 64 * 1024;
/** More than this unread, and the peer is told to wait. */
const MAX_UNREAD_BYTES = 256 * 1024;

/** Only `undici` sees it: what ends an exchange on purpose is no failure of the network. */
const LET_GO = new Error('nobody reads any more');

/**
 * Posts, and settles with the answer's headers. Over undici's `dispatch`: the streams, contexts and promises of its
 * `request` cost as much as the exchange itself, and outlive it.
 *
 * @throws the network's error, undici's error, or the signal's reason
 */
export function post(dispatcher: Dispatcher, request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const answer = Promise.withResolvers<HttpAnswer>();
  const unread: Buffer[] = [];
  let unreadBytes = 0;
  let control: Dispatcher.DispatchController | undefined;
  let ending: { readonly error?: unknown } | undefined;
  let isReading = true;
  let wake = () => {};
  let cancelGiveBack = () => {};

  const onAbort = () => end({ error: signal.reason });
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const { origin, pathname, search } = request.url;
    const { headers, body } = request;
    dispatcher.dispatch(
      { origin, path: pathname + search, method: 'POST', headers, body },
      {
        onRequestStart(controller) {
          control = controller;
          if (ending) controller.abort(LET_GO);
        },
        onResponseStart(_, statusCode, headers) {
          answer.resolve({ statusCode, headers, pieces: pieces(), giveBack, drop });
        },
        onResponseData: (_, bytes) => take(bytes),
        onResponseEnd: () => end({}),
        onResponseError: (_, error) => end({ error }),
      },
    );
  } catch (error) {
    end({ error });
  }
  return answer.promise;

  function take(bytes: Buffer): void {
    unreadBytes += bytes.length;
    if (isReading) unread.push(bytes);
    else if (unreadBytes > GIVE_BACK_BYTES) drop();
    if (isReading && unreadBytes > MAX_UNREAD_BYTES) control?.pause();
    wake();
  }

  /** However it ends, it ends once; before the answer's end that frees the socket. */
  function end(how: { readonly error?: unknown }): void {
    if (ending) return;
    ending = how;
    signal.removeEventListener('abort', onAbort);
    cancelGiveBack();
    if ('error' in how) {
      answer.reject(how.error);
      if (control && !control.aborted) control.abort(LET_GO);
    }
    wake();
  }

  async function* pieces(): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      if (unread.length > 0) {
        const came = unread.splice(0);
        unreadBytes = 0;
        if (control?.paused) control.resume();
        yield came.length === 1 && came[0] ? came[0] : Buffer.concat(came);
      } else if (ending) {
        if ('error' in ending) throw ending.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  function giveBack(): void {
    isReading = false;
    unread.length = 0;
    unreadBytes = 0;
    if (ending) return;
    if (control?.paused) control.resume();
    cancelGiveBack = systemClock.after(GIVE_BACK_MS, drop);
  }

  function drop(): void {
    end({ error: LET_GO });
  }
}

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
 * `request` cost as much as the exchange itself.
 *
 * @throws the network's error, undici's error, or the signal's reason
 */
export function post(dispatcher: Dispatcher, request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const exchange = new Exchange(signal);
  const { origin, pathname, search } = request.url;
  const { headers, body } = request;
  try {
    // It may have aborted while the client was loaded: nobody tells a listener then.
    signal.throwIfAborted();
    dispatcher.dispatch({ origin, path: pathname + search, method: 'POST', headers, body }, exchange);
  } catch (error) {
    exchange.end({ error });
  }
  return exchange.answer;
}

/**
 * One request and its answer. V8 puts a function that is assigned to a property (`this.x = () => ...`), and the hidden
 * class of a generator function made anew, straight into the old generation, where they keep all they refer to until a
 * full collection: hence a class, and its listener made where the field is.
 */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #answer = Promise.withResolvers<HttpAnswer>();
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.end({ error: this.#signal.reason });
  readonly #unread: Buffer[] = [];
  #unreadBytes = 0;
  #control: Dispatcher.DispatchController | undefined;
  #ending: { readonly error?: unknown } | undefined;
  #isReading = true;
  #wake = () => {};
  #cancelGiveBack = () => {};

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get answer(): Promise<HttpAnswer> {
    return this.#answer.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#control = controller;
    if (this.#ending) controller.abort(LET_GO);
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number, headers: HttpAnswer['headers']): void {
    if (statusCode < 200) return; // a hint before the answer
    this.#answer.resolve({
      statusCode,
      headers,
      pieces: this.#pieces(),
      giveBack: () => this.#giveBack(),
      drop: () => this.#drop(),
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    this.#unreadBytes += bytes.length;
    if (this.#isReading) {
      this.#unread.push(bytes);
      if (this.#unreadBytes > MAX_UNREAD_BYTES) controller.pause();
    } else if (this.#unreadBytes > GIVE_BACK_BYTES) this.#drop();
    this.#wake();
  }

  onResponseEnd(): void {
    this.end({});
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.end({ error });
  }

  /** However it ends, it ends once; with an error that frees the socket. */
  end(how: { readonly error?: unknown }): void {
    if (this.#ending) return;
    this.#ending = how;
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#cancelGiveBack();
    if ('error' in how) {
      this.#answer.reject(how.error);
      if (this.#control && !this.#control.aborted) this.#control.abort(LET_GO);
    }
    this.#wake();
  }

  async *#pieces(): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      if (this.#unread.length > 0) {
        const came = this.#unread.splice(0);
        this.#unreadBytes = 0;
        if (this.#control?.paused) this.#control.resume();
        yield came.length === 1 && came[0] ? came[0] : Buffer.concat(came);
      } else if (this.#ending) {
        if ('error' in this.#ending) throw this.#ending.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #giveBack(): void {
    this.#isReading = false;
    this.#unread.length = 0;
    this.#unreadBytes = 0;
    if (this.#ending) return;
    this.#cancelGiveBack = systemClock.after(GIVE_BACK_MS, () => this.#drop());
    if (this.#control?.paused) this.#control.resume();
  }

  #drop(): void {
    this.end({ error: LET_GO });
  }
}

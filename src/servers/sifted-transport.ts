import { Duplex } from 'node:stream';
import { createUpdateSieve, type UpdateSieve } from './update-sieve.ts';

/** A peer's socket behind a sieve: what the WebSocket library reads and writes instead of the socket itself. */
export class SiftedTransport extends Duplex {
  /** An update waits until something follows it, or `pull`. */
  onWaiting: () => void = () => {};
  /** Off until the call is proven: a stranger's frames are counted one by one. */
  isSifting = false;
  readonly #socket: Duplex;
  readonly #sieve: UpdateSieve;

  /** @param head what came with the upgrade */
  constructor(socket: Duplex, head: Buffer) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#sieve = createUpdateSieve({
      pass: (bytes) => {
        if (!this.push(bytes)) socket.pause();
      },
      onWaiting: () => this.onWaiting(),
      maySift: () => this.isSifting,
    });
    if (head.length > 0) socket.unshift(head);
    socket.on('data', (bytes) => this.#sieve.feed(bytes));
    socket.on('end', () => {
      this.pull();
      this.push(null);
    });
    socket.on('error', (error) => {
      this.pull();
      this.destroy(error);
    });
    socket.on('close', () => {
      this.pull();
      this.destroy();
    });
  }

  /** Hands out the waiting update, if there is one: false when there is none. */
  pull(): boolean {
    return !this.destroyed && !this.readableEnded && this.#sieve.pull();
  }

  /** What followed the waiting update says all it says. */
  forget(): void {
    this.#sieve.forget();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(bytes, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.cork();
    chunks.forEach(({ chunk }, index) => {
      if (index < chunks.length - 1) this.#socket.write(chunk);
      else this.#socket.write(chunk, done);
    });
    this.#socket.uncork();
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

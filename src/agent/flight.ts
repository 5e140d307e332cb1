import type { DraftChunk } from '../call/call.ts';
import { untilAborted } from '../std/signals.ts';

/**
 * One generation with several listeners: each hears it from the beginning, whenever they join. It is aborted when
 * the last of them has left, so a barge-in by the first caller does not silence the second.
 */
export class Flight {
  readonly #chunks: DraftChunk[] = [];
  readonly #controller = new AbortController();
  #ending: { readonly error?: unknown } | undefined;
  #listeners = 0;
  #changed = Promise.withResolvers<void>();

  constructor(source: (signal: AbortSignal) => AsyncIterable<DraftChunk>) {
    // Owned by the controller, which the last listener aborts; #pump reports every failure to the listeners.
    void this.#pump(source);
  }

  /** Whether its last listener has left: it says no more, so nobody may join. */
  get isOver(): boolean {
    return this.#controller.signal.aborted;
  }

  async *listen(signal: AbortSignal): AsyncGenerator<DraftChunk, void, void> {
    this.#listeners += 1;
    try {
      for (let heard = 0; ; ) {
        const chunk = this.#chunks[heard];
        if (chunk) {
          heard += 1;
          yield chunk;
        } else if (this.#ending) {
          if ('error' in this.#ending) throw this.#ending.error;
          return;
        } else {
          await untilAborted(this.#changed.promise, signal);
        }
      }
    } finally {
      this.#listeners -= 1;
      if (this.#listeners === 0) this.#controller.abort(signal.reason);
    }
  }

  async #pump(source: (signal: AbortSignal) => AsyncIterable<DraftChunk>): Promise<void> {
    try {
      for await (const chunk of source(this.#controller.signal)) {
        this.#chunks.push(chunk);
        this.#wake();
      }
      this.#ending = {};
    } catch (error) {
      this.#ending = { error };
    }
    this.#wake();
  }

  #wake(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}

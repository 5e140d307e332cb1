/** A queue with one reader: anyone pushes; the reader takes, in order, and never within a push. */
export class Inbox<T extends object> {
  /** What is being taken stays in front until it was: so who finds the queue empty is the one to wake the reader. */
  readonly #items: T[] = [];
  #wake = () => {};

  push(item: T): void {
    if (this.#items.push(item) === 1) this.#wake();
  }

  /**
   * Hands each item to `take` until that returns something, with which it settles, or throws; what it has not taken by
   * then it never takes.
   *
   * No async iterator: its promises and requests, made anew for each item, are what a thousand waiting calls would have
   * copied at every collection.
   */
  read<End extends string>(take: (item: T) => End | undefined): Promise<End> {
    const { promise, resolve, reject } = Promise.withResolvers<End>();
    const takeAll = () => {
      try {
        for (let item = this.#items[0]; item !== undefined; item = this.#items[0]) {
          const end = take(item);
          if (end !== undefined) return resolve(end);
          this.#items.shift();
        }
      } catch (thrown) {
        reject(thrown);
      }
    };
    // Named before it is a property: else V8 keeps it, and all it knows, until a full collection.
    const wake = () => void SOON.then(takeAll);
    this.#wake = wake;
    if (this.#items.length > 0) wake();
    return promise;
  }
}

/** Cheaper than `queueMicrotask`, which makes a resource of its own each time. */
const SOON = Promise.resolve();

/** A queue with one reader: anyone pushes; the reader takes, in order, and never within a push. */
export class Inbox<T extends object> {
  readonly #items: T[] = [];
  #wake = () => {};
  #isClosed = false;

  push(item: T): void {
    if (this.#isClosed) return;
    this.#items.push(item);
    this.#wake();
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
    let isComing = false;
    const takeAll = () => {
      try {
        for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
          const end = take(item);
          if (end === undefined) continue;
          this.#isClosed = true;
          return resolve(end);
        }
      } catch (thrown) {
        this.#isClosed = true;
        return reject(thrown);
      }
      isComing = false;
    };
    // Named before it is a property: else V8 keeps it, and all it knows, until a full collection.
    const wake = () => {
      if (isComing) return;
      isComing = true;
      void SOON.then(takeAll);
    };
    this.#wake = wake;
    wake();
    return promise;
  }
}

/** Cheaper than `queueMicrotask`, which makes a resource of its own each time. */
const SOON = Promise.resolve();

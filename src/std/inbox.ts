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
   * Hands each item to `take` until that returns something, with which it settles, or throws; what is pushed afterwards
   * is dropped.
   *
   * No async iterator: its promises and requests, made anew for each item, are what a thousand waiting calls would have
   * copied at every collection.
   */
  read<End extends string>(take: (item: T) => End | undefined): Promise<End> {
    const { promise, resolve, reject } = Promise.withResolvers<End>();
    let isComing = false;
    const takeAll = () => {
      isComing = false;
      try {
        for (let item = this.#items.shift(); item !== undefined && !this.#isClosed; item = this.#items.shift()) {
          const end = take(item);
          if (end === undefined) continue;
          this.#isClosed = true;
          resolve(end);
        }
      } catch (thrown) {
        this.#isClosed = true;
        reject(thrown);
      }
    };
    this.#wake = () => {
      if (isComing) return;
      isComing = true;
      void SOON.then(takeAll);
    };
    this.#wake();
    return promise;
  }
}

const SOON = Promise.resolve();

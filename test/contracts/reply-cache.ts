import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReplyCache } from '../../src/ports/reply-cache.ts';
import { type MakeSubject, type Subject, signal } from './subject.ts';

/** What every reply cache must do; made to hold at most three replies, so that it can be filled. */
export function replyCacheContract(name: string, makeOfThree: MakeSubject<ReplyCache>): void {
  describe(`the reply cache contract over ${name}`, () => {
    let subject: Subject<ReplyCache>;
    let cache: ReplyCache;

    beforeEach(async () => {
      subject = await makeOfThree();
      cache = subject.port;
    });
    afterEach(() => subject.close());

    it('gives back the sentences it was given, and nothing for another key', async () => {
      await cache.put('hours', ['We open at six.', 'We close at ten.'], 1_000, signal);
      expect(await cache.get('hours', signal)).toEqual(['We open at six.', 'We close at ten.']);
      expect(await cache.get('address', signal)).toBeUndefined();
    });

    it('replaces a reply put again', async () => {
      await cache.put('hours', ['We open at six.'], 1_000, signal);
      await cache.put('hours', ['We open at seven.'], 1_000, signal);
      expect(await cache.get('hours', signal)).toEqual(['We open at seven.']);
    });

    it('forgets a reply when its time is up', async () => {
      await cache.put('hours', ['We open at six.'], 1_000, signal);
      await subject.clock.advance(999);
      expect(await cache.get('hours', signal)).toEqual(['We open at six.']);
      await subject.clock.advance(1);
      expect(await cache.get('hours', signal)).toBeUndefined();
    });

    it('stays within its bound by dropping the least recently used', async () => {
      for (const key of ['a', 'b', 'c']) await cache.put(key, [key], 1_000, signal);
      await cache.get('a', signal);
      await cache.put('d', ['d'], 1_000, signal);
      const kept = await Promise.all(['a', 'b', 'c', 'd'].map((key) => cache.get(key, signal)));
      expect(kept).toEqual([['a'], undefined, ['c'], ['d']]);
    });

    it('is not changed by what its caller does with the sentences later', async () => {
      const sentences = ['We open at six.'];
      await cache.put('hours', sentences, 1_000, signal);
      sentences.push('Who are you?');
      expect(await cache.get('hours', signal)).toEqual(['We open at six.']);
    });
  });
}

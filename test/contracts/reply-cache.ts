import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReplyCache } from '../../src/ports/reply-cache.ts';
import { type MakeSubject, type Subject, signal } from './subject.ts';

const TTL_MS = 60_000;

/**
 * What every reply cache must do; made to hold at most three replies, so that it can be filled. One that is not
 * `isBounded` holds as many as come within their time.
 */
export function replyCacheContract(
  name: string,
  makeOfThree: MakeSubject<ReplyCache>,
  { isBounded } = { isBounded: true },
): void {
  describe(`the reply cache contract over ${name}`, () => {
    let subject: Subject<ReplyCache>;
    let cache: ReplyCache;

    beforeEach(async () => {
      subject = await makeOfThree();
      cache = subject.port;
    });
    afterEach(() => subject.close());

    it('gives back the sentences it was given, and nothing for another key', async () => {
      await cache.put('hours', ['We open at six.', 'We close at ten.'], TTL_MS, signal);
      expect(await cache.get('hours', signal)).toEqual(['We open at six.', 'We close at ten.']);
      expect(await cache.get('address', signal)).toBeUndefined();
    });

    it('replaces a reply put again', async () => {
      await cache.put('hours', ['We open at six.'], TTL_MS, signal);
      await cache.put('hours', ['We open at seven.'], TTL_MS, signal);
      expect(await cache.get('hours', signal)).toEqual(['We open at seven.']);
    });

    it('forgets a reply when its time is up', async () => {
      await cache.put('hours', ['We open at six.'], TTL_MS, signal);
      const leewayMs = subject.leewayMs ?? 0;
      await subject.pass(TTL_MS - 1 - leewayMs);
      expect(await cache.get('hours', signal)).toEqual(['We open at six.']);
      await subject.pass(1 + leewayMs);
      expect(await cache.get('hours', signal)).toBeUndefined();
    });

    if (isBounded)
      it('stays within its bound by dropping the least recently used', async () => {
        for (const key of ['a', 'b', 'c']) await cache.put(key, [key], TTL_MS, signal);
        await cache.get('a', signal);
        await cache.put('d', ['d'], TTL_MS, signal);
        const kept = await Promise.all(['a', 'b', 'c', 'd'].map((key) => cache.get(key, signal)));
        expect(kept).toEqual([['a'], undefined, ['c'], ['d']]);
      });

    it('is not changed by what its caller does with the sentences later', async () => {
      const sentences = ['We open at six.'];
      await cache.put('hours', sentences, TTL_MS, signal);
      sentences.push('Who are you?');
      expect(await cache.get('hours', signal)).toEqual(['We open at six.']);
    });
  });
}

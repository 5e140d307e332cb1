import { describe, expect, it } from 'vitest';
import { settle } from '../std/manual-clock.ts';
import { createTurns } from './turns.ts';

const idle = new AbortController().signal;

/** Work that says when it began, and ends when it is told to. */
function pieces(places: number, limit = 100) {
  const take = createTurns('postgres', places, limit);
  const begun: number[] = [];
  const end: (() => void)[] = [];
  const start = (n: number, signal = idle) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    end[n] = resolve;
    const work = () => {
      begun.push(n);
      return promise;
    };
    return take(work, signal).then(() => n);
  };
  return { begun, start, end: (n: number) => end[n]?.() };
}

describe('turns', () => {
  it('come in the order they were asked for, so many at once', async () => {
    const { begun, start, end } = pieces(2);
    const all = [0, 1, 2, 3].map((n) => start(n));
    await settle();
    expect(begun).toEqual([0, 1]);
    end(1);
    await settle();
    expect(begun).toEqual([0, 1, 2]);
    for (const n of [0, 2, 3]) end(n);
    expect(await Promise.all(all)).toEqual([0, 1, 2, 3]);
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  it('pass on when the work fails', async () => {
    const take = createTurns('postgres', 1, 100);
    const failure = new Error('no');
    const failing = take(() => Promise.reject(failure), idle);
    const after = take(async () => 'fine', idle);
    await expect(failing).rejects.toBe(failure);
    expect(await after).toBe('fine');
    expect(await take(async () => 'fine', idle)).toBe('fine');
  });

  it('are given up by who is told to stop, and nobody behind waits for them', async () => {
    const { begun, start, end } = pieces(1);
    const stopping = new AbortController();
    const reason = new Error('enough');
    const all = [start(0), start(1, stopping.signal), start(2)];
    stopping.abort(reason);
    await expect(all[1]).rejects.toBe(reason);
    await expect(start(3, stopping.signal)).rejects.toBe(reason);
    end(0);
    await settle();
    expect(begun).toEqual([0, 2]);
    end(2);
    await Promise.all([all[0], all[2]]);
  });

  it('are refused to more than may wait', async () => {
    const { start, end } = pieces(1, 1);
    const all = [start(0), start(1)];
    await expect(start(2)).rejects.toMatchObject({ kind: 'exhausted', reason: 'bulkhead.full' });
    end(0);
    await all[0];
    end(1);
    await all[1];
  });
});

import { describe, expect, it } from 'vitest';
import { ManualClock, settle } from './manual-clock.ts';
import { type Bells, workLoop } from './work-loop.ts';

/** Pieces that a test adds and finishes one by one. */
function bench(concurrency: number) {
  const clock = new ManualClock();
  const bells: Bells = new Set();
  const stop = new AbortController();
  const waiting: string[] = [];
  const running = new Map<string, () => void>();
  let looks = 0;
  const ended = workLoop(
    {
      concurrency,
      take: async (room) => {
        looks++;
        return { pieces: waiting.splice(0, room), againInMs: 1_000 };
      },
      run: (piece: string) =>
        new Promise<void>((resolve) => {
          running.set(piece, () => {
            running.delete(piece);
            resolve();
          });
        }),
    },
    bells,
    clock,
    stop.signal,
  );
  const ring = () => {
    for (const bell of bells) bell();
  };
  return { clock, bells, stop, waiting, running, ended, ring, looks: () => looks };
}

describe('the work loop', () => {
  it('runs as many at once as it may, and the next when one ends', async () => {
    const { waiting, running, ring, stop, ended } = bench(2);
    waiting.push('a', 'b', 'c');
    ring();
    await settle();
    expect([...running.keys()]).toEqual(['a', 'b']);
    running.get('a')?.();
    await settle();
    expect([...running.keys()]).toEqual(['b', 'c']);
    stop.abort();
    for (const finish of [...running.values()]) finish();
    await ended;
  });

  it('looks again after the time it was told, or when a bell rings', async () => {
    const { clock, looks, ring, stop, ended } = bench(1);
    await settle();
    expect(looks()).toBe(1);
    await clock.advance(999);
    expect(looks()).toBe(1);
    await clock.advance(1);
    expect(looks()).toBe(2);
    ring();
    await settle();
    expect(looks()).toBe(3);
    stop.abort();
    await ended;
  });

  it('takes no more once stopped, and ends with what is in hand', async () => {
    const { waiting, running, ring, bells, stop, ended } = bench(2);
    waiting.push('a');
    ring();
    await settle();
    stop.abort();
    waiting.push('b');
    let isEnded = false;
    const end = ended.then(() => {
      isEnded = true;
    });
    await settle();
    expect([isEnded, waiting]).toEqual([false, ['b']]);
    running.get('a')?.();
    await end;
    expect(bells.size).toBe(0);
  });
});

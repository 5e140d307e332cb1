import { describe, expect, it } from 'vitest';
import { Inbox } from './inbox.ts';

const item = (n: number) => ({ n });

describe('an inbox', () => {
  it('hands over what was pushed before and since, in order, and never within a push', async () => {
    const inbox = new Inbox<{ n: number }>();
    const taken: number[] = [];
    inbox.push(item(1));
    const end = inbox.read(({ n }) => {
      taken.push(n);
      if (n === 2) inbox.push(item(3));
      return n === 4 ? 'four' : undefined;
    });
    expect(taken).toEqual([]);
    inbox.push(item(2));
    await Promise.resolve();
    expect(taken).toEqual([1, 2, 3]);
    inbox.push(item(4));
    expect(taken).toEqual([1, 2, 3]);
    expect(await end).toBe('four');
  });

  it('takes nothing after the end', async () => {
    const inbox = new Inbox<{ n: number }>();
    const taken: number[] = [];
    for (const n of [1, 2]) inbox.push(item(n));
    await inbox.read(({ n }) => {
      taken.push(n);
      return 'done';
    });
    inbox.push(item(3));
    await Promise.resolve();
    expect(taken).toEqual([1]);
  });

  it('rejects when its reader throws, and takes nothing more', async () => {
    const inbox = new Inbox<{ n: number }>();
    const taken: number[] = [];
    for (const n of [1, 2]) inbox.push(item(n));
    const end = inbox.read(({ n }): 'never' | undefined => {
      taken.push(n);
      throw new Error('no');
    });
    await expect(end).rejects.toThrow('no');
    inbox.push(item(3));
    await Promise.resolve();
    expect(taken).toEqual([1]);
  });
});

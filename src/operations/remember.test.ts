import { expect, it } from 'vitest';
import { remember } from './remember.ts';

it('forgets the entry that was put in the longest ago', () => {
  const map = new Map<string, number>();
  for (const [index, key] of ['a', 'b', 'a', 'c'].entries()) remember(map, key, index, 2);
  expect([...map]).toEqual([
    ['a', 2],
    ['c', 3],
  ]);
});

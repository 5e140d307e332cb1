import { expect, it } from 'vitest';
import type { DialQueue } from '../operations/dial-queue.ts';
import { lateDialQueue } from './late-dial-queue.ts';

const { signal } = new AbortController();

function given() {
  const done: string[] = [];
  const queue: DialQueue = {
    place: async () => ({ state: 'queued', id: 'dial_1', position: 1 }),
    find: async () => undefined,
    list: async () => [],
    cancel: async () => false,
    waiting: async () => 3,
    close: async () => void done.push('closed'),
  };
  const make = async () => {
    done.push('made');
    return queue;
  };
  return { done, queue: lateDialQueue(make) };
}

it('is made with the first question, once', async () => {
  const { done, queue } = given();
  expect(done).toEqual([]);
  expect(await Promise.all([queue.waiting(signal), queue.waiting(signal)])).toEqual([3, 3]);
  await queue.load();
  expect(done).toEqual(['made']);
});

it('is closed if it was made, and is not made to be closed', async () => {
  const { done, queue } = given();
  await queue.close();
  expect(done).toEqual([]);
  await queue.load();
  await queue.close();
  expect(done).toEqual(['made', 'closed']);
});

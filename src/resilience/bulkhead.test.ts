import { describe, expect, it } from 'vitest';
import { Fault } from '../std/fault.ts';
import { createBulkhead } from './bulkhead.ts';

const idle = new AbortController().signal;

describe('bulkhead', () => {
  it('refuses the third of two and lets it in once one has left', async () => {
    const bulkhead = createBulkhead('test', 2);
    const leave = bulkhead.enter();
    bulkhead.enter();
    expect(() => bulkhead.enter()).toThrow(Fault);
    await expect(bulkhead.run(async () => 'never', idle)).rejects.toMatchObject({
      kind: 'exhausted',
      reason: 'bulkhead.full',
      detail: { name: 'test', limit: 2 },
    });
    leave();
    expect(await bulkhead.run(async () => 'in', idle)).toBe('in');
  });

  it('gives a place back once, however often it is left', () => {
    const bulkhead = createBulkhead('test', 2);
    const leave = bulkhead.enter();
    bulkhead.enter();
    leave();
    leave();
    bulkhead.enter();
    expect(() => bulkhead.enter()).toThrow('at most 2 at once');
  });

  it('gives the place back when the work throws', async () => {
    const bulkhead = createBulkhead('test', 1);
    const broken = new Fault('unavailable', 'test.broken', 'expected success, broke on purpose');
    await expect(bulkhead.run(() => Promise.reject(broken), idle)).rejects.toBe(broken);
    expect(() => bulkhead.enter()).not.toThrow();
  });

  it('runs nothing for a signal that is already aborted', async () => {
    const bulkhead = createBulkhead('test', 1);
    await expect(bulkhead.run(async () => 'never', AbortSignal.abort())).rejects.toThrow();
    expect(() => bulkhead.enter()).not.toThrow();
  });
});

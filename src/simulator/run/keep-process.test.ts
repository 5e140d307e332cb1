import { describe, expect, it } from 'vitest';
import { keepProcess } from './keep-process.ts';

/** What would keep this process alive. */
const ports = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;

describe('keepProcess', () => {
  it('holds the event loop open until it is released', async () => {
    const before = ports();
    const release = keepProcess();
    expect(ports()).toBe(before + 1);
    release();
    await expect.poll(ports).toBe(before);
  });
});

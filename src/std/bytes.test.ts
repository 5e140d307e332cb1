import { describe, expect, it } from 'vitest';
import { freeBytes } from './bytes.ts';

describe('bytes that nobody reads again', () => {
  it('are empty afterwards, and what lay before them is too', () => {
    const received = Buffer.allocUnsafeSlow(10_000);
    const payload = received.subarray(8);
    freeBytes(payload, 8);
    expect([payload.byteLength, received.byteLength]).toEqual([0, 0]);
  });

  it('may be let go of twice', () => {
    const received = Buffer.allocUnsafeSlow(10_000);
    freeBytes(received);
    freeBytes(received);
    expect(received.byteLength).toBe(0);
  });

  it.each([
    ['others follow', Buffer.allocUnsafeSlow(10_000).subarray(0, 9_999)],
    ['others stand before them', Buffer.allocUnsafeSlow(10_000).subarray(3)],
    ['others stand before their header', Buffer.allocUnsafeSlow(10_000).subarray(11)],
    ['they are of the pool', Buffer.from('x'.repeat(2_000))],
    ['they are few', Buffer.allocUnsafeSlow(100)],
    ['their memory is shared with threads', Buffer.from(new SharedArrayBuffer(10_000))],
  ])('stay where %s', (_, bytes) => {
    const before = bytes.byteLength;
    freeBytes(bytes, 8);
    expect(bytes.byteLength).toBe(before);
  });
});

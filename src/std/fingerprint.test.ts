import { expect, it } from 'vitest';
import { fingerprint } from './fingerprint.ts';

it('is the same for equal values only, and another one under another salt', () => {
  const print = fingerprint('a', { to: '+1', from: '+2' });
  expect(print).toMatch(/^[0-9a-f]{64}$/);
  expect(fingerprint('a', { from: '+2', to: '+1' })).toBe(print);
  expect(fingerprint('a', { from: '+2', to: '+3' })).not.toBe(print);
  expect(fingerprint('b', { to: '+1', from: '+2' })).not.toBe(print);
});

import { expect, it } from 'vitest';
import { isLinearizable } from './linearizability.ts';

const register = (state: number, write: number | 'read') =>
  write === 'read' ? { state, result: state } : { state: write, result: write };

it('accepts reads that overlap a write in either order', () => {
  const write = { from: 1, until: 6, operation: 7, result: 7 };
  const early = { from: 2, until: 3, operation: 'read' as const, result: 0 };
  const late = { from: 4, until: 5, operation: 'read' as const, result: 7 };
  expect(isLinearizable([write, early, late], 0, register)).toBe(true);
});

it('rejects a read that forgets what an earlier read saw', () => {
  const write = { from: 1, until: 6, operation: 7, result: 7 };
  const early = { from: 2, until: 3, operation: 'read' as const, result: 7 };
  const late = { from: 4, until: 5, operation: 'read' as const, result: 0 };
  expect(isLinearizable([write, early, late], 0, register)).toBe(false);
});

import { describe, expect, it } from 'vitest';
import { createAllowance } from './allowance.ts';

const TERMS = { capacity: 10, deposits: 10, spends: 3 };

describe('allowance', () => {
  it('starts full, and covers no more than that', () => {
    const allowance = createAllowance(TERMS);
    const granted = Array.from({ length: 20 }, () => allowance.tryWithdraw());
    expect(granted.filter(Boolean)).toHaveLength(10);
  });

  it('earns its share exactly, in whole numbers', () => {
    const allowance = createAllowance(TERMS);
    let spent = 0;
    for (let deposit = 0; deposit < 10_000; deposit++) {
      allowance.deposit();
      while (allowance.tryWithdraw()) spent++;
    }
    // A full one has no room for the first deposit: the ten of the start, then 9,999 × 3 / 10.
    expect(spent).toBe(10 + 2_999);
  });

  it('spends on credit what was begun while it was covered, and covers nothing until that is earned', () => {
    const allowance = createAllowance(TERMS);
    for (let spend = 0; spend < 13; spend++) allowance.spend();
    for (let deposit = 0; deposit < 13; deposit++) {
      expect(allowance.covers()).toBe(false);
      allowance.deposit();
    }
    allowance.deposit();
    expect(allowance.covers()).toBe(true);
  });
});

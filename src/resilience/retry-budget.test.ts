import { describe, expect, it } from 'vitest';
import { createRetryBudget } from './retry-budget.ts';

describe('retry budget', () => {
  it('starts full: twenty second attempts, not twenty-one', () => {
    const budget = createRetryBudget();
    const granted = Array.from({ length: 21 }, () => budget.tryWithdraw());
    expect(granted).toEqual([...Array.from({ length: 20 }, () => true), false]);
  });

  it('earns one second attempt with ten first ones', () => {
    const budget = createRetryBudget();
    while (budget.tryWithdraw());
    for (let i = 0; i < 9; i++) budget.deposit();
    expect(budget.tryWithdraw()).toBe(false);
    budget.deposit();
    expect(budget.tryWithdraw()).toBe(true);
    expect(budget.tryWithdraw()).toBe(false);
  });

  it('keeps no more than twenty, however many first attempts went before', () => {
    const budget = createRetryBudget();
    for (let i = 0; i < 10_000; i++) budget.deposit();
    expect(Array.from({ length: 40 }, () => budget.tryWithdraw()).filter(Boolean)).toHaveLength(20);
  });

  it('keeps attempts at 1.1 times the turns in a full outage, the reserve aside', () => {
    const budget = createRetryBudget();
    let seconds = 0;
    for (let turn = 0; turn < 1_000; turn++) {
      budget.deposit();
      if (budget.tryWithdraw()) seconds++;
    }
    expect(seconds - 20).toBeLessThanOrEqual(100);
  });
});

import { describe, expect, it } from 'vitest';
import { createRetryBudget } from './retry-budget.ts';

describe('retry budget', () => {
  it('starts full: ten second attempts, not eleven', () => {
    const budget = createRetryBudget();
    const granted = Array.from({ length: 11 }, () => budget.tryWithdraw());
    expect(granted).toEqual([...Array.from({ length: 10 }, () => true), false]);
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

  it('keeps no more than ten, however many first attempts went before', () => {
    const budget = createRetryBudget();
    for (let i = 0; i < 10_000; i++) budget.deposit();
    expect(Array.from({ length: 20 }, () => budget.tryWithdraw()).filter(Boolean)).toHaveLength(10);
  });

  it('keeps attempts under 1.1 times the turns in a full outage, once the reserve is spent', () => {
    const budget = createRetryBudget();
    let seconds = 0;
    for (let turn = 0; turn < 1_000; turn++) {
      budget.deposit();
      if (budget.tryWithdraw()) seconds++;
    }
    expect(seconds).toBeLessThanOrEqual(110);
  });
});

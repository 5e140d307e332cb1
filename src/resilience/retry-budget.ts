import { type Allowance, createAllowance } from './allowance.ts';

export type RetryBudget = Pick<Allowance, 'deposit' | 'tryWithdraw'>;

/**
 * Limits second attempts to 10 % of first ones, so that an outage is not answered with twice the load
 * (Google SRE, "Handling Overload").
 */
export function createRetryBudget(): RetryBudget {
  return createAllowance({ capacity: 10, deposits: 10, spends: 1 });
}

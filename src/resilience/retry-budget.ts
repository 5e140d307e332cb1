import { type Allowance, createAllowance } from './allowance.ts';

export type RetryBudget = Pick<Allowance, 'deposit' | 'tryWithdraw'>;

/**
 * Limits second attempts to 10 % of first ones, so that an outage is not answered with twice the load, and twenty more
 * once: chance asks for a few at a time (`createHedge` plans for nearly all of them).
 *
 * @source Google, "Site Reliability Engineering", 2016: "Handling Overload"
 */
export function createRetryBudget(): RetryBudget {
  return createAllowance({ capacity: 20, deposits: 10, spends: 1 });
}

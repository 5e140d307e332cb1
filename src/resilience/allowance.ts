/** What an allowance is made of. Whole numbers, so that nothing drifts. */
export interface AllowanceTerms {
  /** What may be spent in a row from a full allowance. Starts full. */
  readonly capacity: number;
  /** Deposits that pay for `spends` withdrawals: their ratio is the share in the long run. */
  readonly deposits: number;
  readonly spends: number;
}

/** Work beyond what was asked for, limited to a share of it. */
export interface Allowance {
  /** Call on everything that was asked for: it earns a share. */
  deposit(): void;
  /** Whether one more is paid for, and `reserve` of them after it; default none. */
  covers(reserve?: number): boolean;
  /** Spends one, on credit where it must: what is not covered is earned before anything is covered again. */
  spend(): void;
  /** Whether one may be made; when it may, it has been paid for. */
  tryWithdraw(): boolean;
}

/** Makes an allowance of `spends / deposits` in the long run, whatever is tried, and `capacity` more once. */
export function createAllowance({ capacity, deposits, spends }: AllowanceTerms): Allowance {
  const full = capacity * deposits;
  let left = full;
  const covers = (reserve = 0) => left >= (reserve + 1) * deposits;
  const spend = () => {
    left -= deposits;
  };
  return {
    deposit() {
      left = Math.min(full, left + spends);
    },
    covers,
    spend,
    tryWithdraw() {
      if (!covers()) return false;
      spend();
      return true;
    },
  };
}

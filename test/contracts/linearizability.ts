/** One operation as its caller saw it: it took effect somewhere between `from` and `until`. */
export interface Observed<Operation, Result> {
  readonly from: number;
  readonly until: number;
  readonly operation: Operation;
  readonly result: Result;
}

/**
 * Says whether some order of the operations, true to their times, gives every caller what it saw (Wing and Gong,
 * 1993, remembering what was tried). Meant for histories of some twenty operations.
 */
export function isLinearizable<State, Operation, Result>(
  history: readonly Observed<Operation, Result>[],
  initial: State,
  apply: (state: State, operation: Operation) => { readonly state: State; readonly result: Result },
): boolean {
  const tried = new Set<string>();
  const search = (left: readonly Observed<Operation, Result>[], state: State): boolean => {
    if (left.length === 0) return true;
    const key = JSON.stringify([left.map((observed) => history.indexOf(observed)), state]);
    if (tried.has(key)) return false;
    tried.add(key);
    const firstEnd = Math.min(...left.map(({ until }) => until));
    return left.some((candidate) => {
      // Whatever began after another had ended cannot come before it.
      if (candidate.from > firstEnd) return false;
      const next = apply(state, candidate.operation);
      if (JSON.stringify(next.result) !== JSON.stringify(candidate.result)) return false;
      return search(
        left.filter((observed) => observed !== candidate),
        next.state,
      );
    });
  };
  return search(history, initial);
}

import type { Fault, FaultKind } from '../std/fault.ts';

/** Few, stable, documented: what a script can tell from how a command ended. */
export const EXIT = {
  done: 0,
  failed: 1,
  wrongUsage: 2,
  badConfig: 3,
  unreachable: 4,
  notAuthorised: 5,
  interrupted: 130,
} as const;

const BY_KIND: { readonly [kind in FaultKind]: number } = {
  invalid: EXIT.badConfig,
  unauthenticated: EXIT.notAuthorised,
  forbidden: EXIT.notAuthorised,
  not_found: EXIT.failed,
  conflict: EXIT.failed,
  exhausted: EXIT.unreachable,
  cancelled: EXIT.interrupted,
  unavailable: EXIT.unreachable,
  timeout: EXIT.unreachable,
  bug: EXIT.failed,
};

/** Families of reasons about what was typed after the command's name. */
const USAGE = /^(cli|simulator|stub)\./;

/** The exit code of a command that ended in this Fault. */
export function exitCodeOf({ kind, reason }: Fault): number {
  if (kind === 'invalid' && USAGE.test(reason)) return EXIT.wrongUsage;
  return reason === 'port.in_use' ? EXIT.unreachable : BY_KIND[kind];
}

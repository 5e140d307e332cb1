/** The ten kinds of failure. A kind decides the HTTP status and what a worker does; see `FAULT_POLICY`. */
export type FaultKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'exhausted'
  | 'cancelled'
  | 'unavailable'
  | 'timeout'
  | 'bug';

export const FAULT_POLICY: {
  readonly [kind in FaultKind]: {
    readonly http: number;
    readonly worker: 'bury' | 'retry_now' | 'retry_later' | 'let_go';
  };
} = {
  invalid: { http: 400, worker: 'bury' },
  unauthenticated: { http: 401, worker: 'bury' },
  forbidden: { http: 403, worker: 'bury' },
  not_found: { http: 404, worker: 'bury' },
  conflict: { http: 409, worker: 'retry_now' },
  exhausted: { http: 429, worker: 'retry_later' },
  cancelled: { http: 499, worker: 'let_go' },
  unavailable: { http: 503, worker: 'retry_later' },
  timeout: { http: 504, worker: 'retry_later' },
  bug: { http: 500, worker: 'bury' },
};

export interface FaultOptions {
  readonly cause?: unknown;
  /** What was expected and what came, as plain values: ids, sizes, names. Never what a person said or is. */
  readonly detail?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** What callers notice, so that it reads on after "Callers:", as "hear the fallback line" does. */
  readonly effect?: string;
  /** What to do about it, most likely first, at most three. */
  readonly fixes?: readonly string[];
}

/**
 * The only error class. `reason` is stable, unique to its throw site and listed in docs/faults.md; the
 * message says what was expected and what came. The wire gets kind and reason, never the cause.
 */
export class Fault extends Error {
  readonly kind: FaultKind;
  readonly reason: string;
  readonly detail: NonNullable<FaultOptions['detail']>;
  readonly effect: string | undefined;
  readonly fixes: readonly string[];

  constructor(kind: FaultKind, reason: string, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.kind = kind;
    this.reason = reason;
    this.detail = options.detail ?? {};
    this.effect = options.effect;
    this.fixes = options.fixes ?? [];
  }
}

/** The single funnel from anything thrown to a Fault; a Fault passes through unchanged. */
export function toFault(thrown: unknown, reason = 'internal.unexpected'): Fault {
  if (thrown instanceof Fault) return thrown;
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  if (name === 'AbortError')
    return new Fault('cancelled', 'work.cancelled', 'the work was cancelled', { cause: thrown });
  return new Fault('bug', reason, `unexpected ${name}`, { cause: thrown });
}

import { FAULT_POLICY, type Fault } from '../std/fault.ts';
import { STATUS_CODES } from './node-http.ts';

/** RFC 9457. Peers that proved nothing get the first three fields only: they learn nothing about the house. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** The Fault's reason, as docs/faults.md lists it. */
  readonly code?: string;
  readonly detail?: string;
  readonly effect?: string;
  readonly fixes?: readonly string[];
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** What anybody may know of a failure: its status. */
export function genericProblem(status: number): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status };
}

/** What a peer that proved itself may know of a Fault: everything but its cause. */
export function problemOf(fault: Fault): Problem {
  const { kind, reason, message, effect, fixes } = fault;
  const status = FAULT_POLICY[kind].http;
  return {
    ...genericProblem(status),
    type: `urn:offhook:fault:${reason}`,
    code: reason,
    detail: message,
    ...(effect !== undefined && { effect }),
    ...(fixes.length > 0 && { fixes }),
  };
}

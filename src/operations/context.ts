import type { AgentChoice } from '../agent/choose-agent.ts';
import type { Action, CallId } from '../call/call.ts';
import type { LiveCall } from '../call/live-call.ts';
import type { CallControl } from '../ports/call-control.ts';
import type { CallStore } from '../ports/call-store.ts';
import type { Dials } from '../ports/dials.ts';
import type { Jobs } from '../ports/jobs.ts';
import type { Leases } from '../ports/leases.ts';
import type { Records } from '../ports/records.ts';
import type { Clock } from '../std/clock.ts';
import type { Log } from '../std/log.ts';
import type { CallHooks } from './call-hooks.ts';

/** The calls this process serves; the roster is one. */
interface LiveCalls {
  list(): readonly LiveCall[];
  /** A signed webhook or get-call vouched for the call. */
  prove(callId: CallId): void;
  /** The call is over, by Retell's word. False when it is not served here. */
  end(callId: CallId, reason: string): Promise<boolean>;
  /** Speaks up unasked (`agent_interrupt`), whichever process serves the call. False when none does. */
  interject(callId: CallId, text: string, action: Action | undefined, signal: AbortSignal): Promise<boolean>;
}

/** What every operation is given. */
export interface OperationContext extends AgentChoice {
  readonly maxCalls: number;
  readonly liveCalls: LiveCalls;
  readonly callStore: CallStore;
  readonly leases: Leases;
  readonly records: Records;
  readonly jobs: Jobs;
  readonly dials: Dials;
  readonly hooks: CallHooks;
  /** Absent without RETELL_API_KEY. */
  readonly callControl: CallControl | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

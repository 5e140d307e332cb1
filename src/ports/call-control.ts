import type { CallId } from '../call/call.ts';

export interface PlaceCall {
  readonly fromNumber: string;
  readonly toNumber: string;
  readonly agentId?: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface RemoteCall {
  readonly callId: CallId;
  /** registered, not_connected, ongoing, ended, error: an open set. */
  readonly status: string;
  readonly agentId: string | undefined;
  /** Why it ended: an open set. */
  readonly disconnectionReason?: string;
  /** Epoch milliseconds. */
  readonly endedAt?: number;
  readonly durationMs?: number;
}

/** How many calls the workspace has at once, whoever placed them, and how many it may have. */
export interface WorkspaceLoad {
  readonly current: number;
  readonly limit: number;
}

/** An agent as Retell lists it. */
export interface RemoteAgent {
  readonly id: string;
  readonly name: string;
}

/** Retell's REST. `place` is never repeated by us: a repeated POST dials a person twice. */
export interface CallControl {
  place(call: PlaceCall, signal: AbortSignal): Promise<RemoteCall>;
  /** Undefined when Retell knows no such call. */
  fetch(callId: CallId, signal: AbortSignal): Promise<RemoteCall | undefined>;
  end(callId: CallId, signal: AbortSignal): Promise<void>;
  /**
   * The call placed since then (epoch milliseconds) whose metadata has this in this field. Undefined when Retell lists
   * none: it may not list one that still rings.
   */
  findByMetadata(field: string, value: string, sinceMs: number, signal: AbortSignal): Promise<RemoteCall | undefined>;
  /** Those of these calls, 100 at most, that are over by Retell's word. */
  ended(callIds: readonly CallId[], signal: AbortSignal): Promise<readonly RemoteCall[]>;
  concurrency(signal: AbortSignal): Promise<WorkspaceLoad>;
  /** The workspace's voice agents, by name. */
  agents(signal: AbortSignal): Promise<readonly RemoteAgent[]>;
}

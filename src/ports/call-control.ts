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
}

/** Retell's REST. `place` is never repeated by us: a repeated POST dials a person twice. */
export interface CallControl {
  place(call: PlaceCall, signal: AbortSignal): Promise<RemoteCall>;
  /** Undefined when Retell knows no such call. */
  fetch(callId: CallId, signal: AbortSignal): Promise<RemoteCall | undefined>;
  end(callId: CallId, signal: AbortSignal): Promise<void>;
}

import type { Action, CallId } from '../call/call.ts';

/** What the other processes want of one that serves calls. */
export interface FleetMember {
  /** Another process has taken the call, at this epoch: an older session of it here writes and says nothing more. */
  fence(callId: CallId, epoch: number): void;
  /** Speaks up in a call; false when it is not served here. */
  interject(callId: CallId, text: string, action: Action | undefined): boolean;
}

/** The other processes. */
export interface Fleet {
  /** Speaks up in a call that one of them serves; false when none says that it does. */
  interject(callId: CallId, text: string, action: Action | undefined, signal: AbortSignal): Promise<boolean>;
}

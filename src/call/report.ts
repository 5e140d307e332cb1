import type { CallId } from './call.ts';
import type { Transcript } from './transcript.ts';

/** A finished call as the archive keeps it: our account, and Retell's when its webhook has come. */
export interface CallReport {
  readonly callId: CallId;
  readonly agent: { readonly name: string; readonly version: string };
  readonly startedAt: number;
  readonly endedAt: number;
  /** Retell's disconnection_reason where known, else ours: an open set. */
  readonly reason: string;
  readonly turns: number;
  readonly tools: readonly { readonly name: string; readonly outcome: 'done' | 'failed' | 'unknown' }[];
  readonly transcript: Transcript;
}

import type { CallId } from '../call/call.ts';
import type { CallEvent } from '../call/events.ts';
import type { CallReport } from '../call/report.ts';
import type { NewJob } from './jobs.ts';

/** A webhook as Retell sent it, verified. */
export interface WebhookRecord {
  /** What makes a second delivery of it a duplicate: event, call, and what the event repeats by. */
  readonly key: string;
  readonly event: string;
  readonly callId: CallId | undefined;
  /** The signature's timestamp: newer wins where an event repeats by design. */
  readonly signedAt: number;
  readonly receivedAt: number;
  readonly body: string;
}

/** What follows from something stored, enqueued in the transaction that stores it. */
export interface FollowUp {
  readonly facts: readonly CallEvent[];
  readonly jobs: readonly NewJob[];
}

/** A call as the list shows it: ids, times, outcome; no words. */
export interface CallSummary {
  readonly callId: CallId;
  readonly agent: string;
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly reason: string | undefined;
  readonly turns: number;
}

/** The durable archive. Every method is one transaction; a success has been synced to disk. */
export interface Records {
  /**
   * Claims the webhook's key, stores it, and enqueues its facts to the records' outbox and its jobs, or says that it
   * was here before. A `transcript_updated` with a later `signedAt` replaces the older one and is `stored`.
   */
  acceptWebhook(webhook: WebhookRecord, followUp: FollowUp, signal: AbortSignal): Promise<'stored' | 'duplicate'>;
  /** Whether a signed webhook has ever named this call: one of the proofs of a call. */
  isNamed(callId: CallId, signal: AbortSignal): Promise<boolean>;
  /** Whether a `call_ended` for it was accepted: its id is never admitted again. */
  isEnded(callId: CallId, signal: AbortSignal): Promise<boolean>;
  /** Stores a fact once per (call, epoch, seq); a second time changes nothing. */
  saveFact(event: CallEvent, signal: AbortSignal): Promise<void>;
  /** The saved facts of a call, by (epoch, seq): what its report is built from. */
  facts(callId: CallId, signal: AbortSignal): Promise<readonly CallEvent[]>;
  /** Stores or replaces a call's archived report. */
  saveReport(report: CallReport, signal: AbortSignal): Promise<void>;
  report(callId: CallId, signal: AbortSignal): Promise<CallReport | undefined>;
  /** Newest first; `before` is a `startedAt` to page from. */
  listCalls(limit: number, before: number | undefined, signal: AbortSignal): Promise<readonly CallSummary[]>;
  pendingFacts(
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly { readonly position: number; readonly event: CallEvent }[]>;
  forgetFacts(positions: readonly number[], signal: AbortSignal): Promise<void>;
}

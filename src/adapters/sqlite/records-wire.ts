import type { CallEvent } from '../../call/events.ts';
import type { DialInHand, Dials, DialTerms, NewDial, StoredDial, Taking } from '../../ports/dials.ts';
import type { ConsumerGroup, Delivery } from '../../ports/event-log.ts';
import type { DeadJob, Job, NewJob } from '../../ports/jobs.ts';
import type { FollowUp, Records, WebhookRecord } from '../../ports/records.ts';
import { Fault, type FaultKind } from '../../std/fault.ts';

/** A method without its signal: none crosses to a thread, and nothing there waits for anything but the disk. */
type Unsignalled<Method> = Method extends (...args: [...infer Args, AbortSignal]) => infer Result
  ? (...args: Args) => Result
  : never;

/** The archive's side of the thread. */
export type RecordsOperations = {
  readonly [name in Exclude<keyof Records, 'acceptWebhook'>]: Unsignalled<Records[name]>;
} & {
  /** `now` is when its jobs begin to wait: the thread has no clock. */
  acceptWebhook(webhook: WebhookRecord, followUp: FollowUp, now: number): Promise<'stored' | 'duplicate'>;
};

/** The event log's side of the thread. `now` is the asker's clock: the thread has none. */
export interface EventLogOperations {
  publish(events: readonly CallEvent[], now: number): Promise<void>;
  read(group: ConsumerGroup, limit: number, leaseMs: number, now: number): Promise<readonly Delivery[]>;
  ack(group: string, id: string): Promise<void>;
  retry(group: string, id: string, dueAt: number): Promise<void>;
  bury(group: string, id: string, fault: WireFault, now: number): Promise<void>;
  /** Forgets events published before `before` that every group is done with; answers how many. */
  pruneEvents(before: number): Promise<number>;
}

/** What a start asks: it needs no query builder, and so awaits none. */
export interface RecoveryOperations {
  /** Makes due what was out when an earlier process died; a job whose last try that was is dead. */
  takeBack(now: number): Promise<void>;
}

/** What runs in no transaction, after the work of the same message. */
export interface Housekeeping {
  /** Copies what the other thread committed from the write-ahead log into `live.db`. */
  checkpointLive(): Promise<void>;
  close(): Promise<void>;
}

/** A job in hand, and how it ended. */
export interface HeldJob extends Job {
  readonly maxAttempts: number;
}
export type JobOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly dueAt: number }
  | { readonly kind: 'dead'; readonly reason: string; readonly failedAt: number }
  | { readonly kind: 'handed_back' };

/** The jobs' side of the thread. */
export interface JobOperations {
  addJobs(jobs: readonly NewJob[], now: number): Promise<void>;
  /** Takes jobs of these kinds that are due; `nextDueAt` is when the next one of those that wait is. */
  takeJobs(
    kinds: readonly string[],
    limit: number,
    now: number,
  ): Promise<{ readonly jobs: readonly HeldJob[]; readonly nextDueAt: number | undefined }>;
  settleJob(id: string, outcome: JobOutcome): Promise<void>;
  deadJobs(limit: number, before: string | undefined): Promise<readonly DeadJob[]>;
  deadJob(id: string): Promise<DeadJob | undefined>;
  requeueJob(id: string, now: number): Promise<boolean>;
  /** Forgets jobs that died earlier than `before`; answers how many. */
  pruneDeadJobs(before: number): Promise<number>;
}

type Opened = Awaited<ReturnType<Dials['open']>>;
type Outcome = Parameters<Dials['settle']>[1];

/** The side of the orders to dial. */
export interface DialOperations {
  openDial(dial: NewDial, limit: number, now: number): Promise<Opened>;
  takeDial(terms: DialTerms, now: number): Promise<Taking>;
  beginDial(dial: DialInHand, now: number): Promise<boolean>;
  settleDial(dial: DialInHand, outcome: Outcome, jobs: readonly NewJob[], now: number): Promise<void>;
  postponeDial(dial: DialInHand, dueAt: number, now: number): Promise<void>;
  cancelDial(id: string, now: number): Promise<boolean>;
  findDial(id: string): Promise<StoredDial | undefined>;
  listDials(states: readonly StoredDial['state'][], limit: number): Promise<readonly StoredDial[]>;
  waitingDials(): Promise<number>;
  dialDueIn(now: number): Promise<number | undefined>;
  positionOfDial(id: string): Promise<number | undefined>;
  /** Of those in hand that last changed at `before` or earlier. */
  abandonDials(before: number, now: number): Promise<readonly string[]>;
  /** Forgets finished orders that last changed earlier than `before`; answers how many. */
  pruneDials(before: number): Promise<number>;
}

export type ArchiveOperations = RecordsOperations & EventLogOperations & JobOperations & DialOperations;
export type ThreadOperations = ArchiveOperations & RecoveryOperations & Housekeeping;

/** What the thread is told first, before any request. */
export interface ThreadPaths {
  readonly recordsPath: string;
  readonly livePath: string;
}

export interface ThreadRequest {
  readonly id: number;
  readonly operation: keyof ThreadOperations;
  readonly args: readonly unknown[];
}

/** What was asked in one turn of the loop crosses in one message, and so does what comes of it. */
export type ThreadRequests = readonly ThreadRequest[];

export type ThreadReply =
  | { readonly kind: 'opened' }
  | { readonly kind: 'refused'; readonly fault: WireFault }
  | { readonly kind: 'answered'; readonly answers: readonly ThreadAnswer[] };

export type ThreadAnswer =
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly fault: WireFault };

/** A Fault as plain data: structured cloning keeps neither its class nor its fields. */
export interface WireFault {
  readonly kind: FaultKind;
  readonly reason: string;
  readonly message: string;
  readonly detail: Fault['detail'];
  readonly effect: string | undefined;
  readonly fixes: readonly string[];
}

export function packFault({ kind, reason, message, detail, effect, fixes }: Fault): WireFault {
  return { kind, reason, message, detail, effect, fixes };
}

export function unpackFault({ kind, reason, message, detail, effect, fixes }: WireFault): Fault {
  return new Fault(kind, reason, message, { detail, fixes, ...(effect !== undefined && { effect }) });
}

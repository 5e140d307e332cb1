/** Work to be done later, outside of any call. Its payload is JSON, and holds ids, never what a person said or is. */
export interface NewJob {
  /** The name of the handler that does it. */
  readonly kind: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** While a job of this kind and key waits, no other one is added. */
  readonly key?: string;
  /** Not begun before; default 0. */
  readonly delayMs?: number;
  /** Tries before it is set aside; default 10. */
  readonly maxAttempts?: number;
}

export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** 1 at the first try. */
  readonly attempt: number;
}

/** A job that was set aside: its tries are spent, or its Fault says that trying again is of no use. */
export interface DeadJob extends Job {
  /** The reason of its last Fault. */
  readonly reason: string;
  /** Epoch milliseconds. */
  readonly failedAt: number;
}

/** How long a dead job may be looked at and requeued. */
export const KEEP_DEAD_JOBS_MS = 30 * 86_400_000;

/**
 * Does a job. Run twice, it changes nothing the second time. A Fault's kind decides between another try and the end;
 * after 30 s the try has failed, and 5 s after `work` was to stop it is handed back.
 */
export type JobHandler = (job: Job, signal: AbortSignal) => Promise<void>;

/** Enqueues a job of this kind at every full so many minutes of the hour, once for all processes. */
export interface JobSchedule {
  readonly kind: string;
  /** A divisor of 60. */
  readonly everyMinutes: number;
}

export interface JobWork {
  readonly handlers: Readonly<Record<string, JobHandler>>;
  readonly schedules?: readonly JobSchedule[];
  /** Jobs at once; default 5. */
  readonly concurrency?: number;
}

/**
 * Work to be done later: tried again with growing delays (1, 5, 25 s ... to an hour), set aside when that is of no use.
 * Records and Dials enqueue in the transaction that stores what the job is about.
 */
export interface Jobs {
  enqueue(jobs: readonly NewJob[], signal: AbortSignal): Promise<void>;
  /** Does jobs until the signal aborts; settles when those in hand are finished or handed back. Kinds without a handler wait. */
  work(work: JobWork, signal: AbortSignal): Promise<void>;
  /** Newest first; `before` is the id of a dead job to page from. */
  deadJobs(limit: number, before: string | undefined, signal: AbortSignal): Promise<readonly DeadJob[]>;
  deadJob(id: string, signal: AbortSignal): Promise<DeadJob | undefined>;
  /** Gives a dead job all its tries anew, due now; false when there is none. */
  requeue(id: string, signal: AbortSignal): Promise<boolean>;
}

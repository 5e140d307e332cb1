import type { DeadJob } from '../ports/jobs.ts';
import { Fault } from '../std/fault.ts';
import type { OperationContext } from './context.ts';

export interface DeadJobList {
  /** Newest first. */
  readonly jobs: readonly DeadJob[];
  /** Ask for the next page with it; absent on the last. */
  readonly nextBefore: string | undefined;
}

type JobContext = Pick<OperationContext, 'jobs'>;

/** Lists the jobs that were set aside, page by page: `before` is a `nextBefore` to go on from. */
export async function listDeadJobs(
  { jobs }: JobContext,
  { limit, before }: { readonly limit: number; readonly before: string | undefined },
  signal: AbortSignal,
): Promise<DeadJobList> {
  const dead = await jobs.deadJobs(limit, before, signal);
  return { jobs: dead, nextBefore: dead.length < limit ? undefined : dead.at(-1)?.id };
}

/** @throws Fault `jobs.unknown` */
export async function getDeadJob({ jobs }: JobContext, id: string, signal: AbortSignal): Promise<DeadJob> {
  const dead = await jobs.deadJob(id, signal);
  if (!dead) throw unknownJob();
  return dead;
}

/** Gives a dead job all its tries anew, due now. @throws Fault `jobs.unknown` */
export async function requeueJob({ jobs }: JobContext, id: string, signal: AbortSignal): Promise<void> {
  if (!(await jobs.requeue(id, signal))) throw unknownJob();
}

function unknownJob(): Fault {
  return new Fault('not_found', 'jobs.unknown', 'expected the id of a job that was set aside', {
    fixes: [
      'look the id up: offhook jobs dead',
      'do nothing: a job that was requeued, or died 30 days ago, is no longer set aside',
    ],
  });
}

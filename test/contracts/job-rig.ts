import { afterEach, beforeEach, vi } from 'vitest';
import type { Job, JobHandler, Jobs, JobWork, NewJob } from '../../src/ports/jobs.ts';
import { type MakeSubject, type Subject, signal } from './subject.ts';

/** Stores with threads or servers answer in their own time: what they come to is waited for, never slept for. */
const SOON = { timeout: 8_000, interval: 10 };

/** New jobs for every test of a suite, and who works on them: stopped when the test is over. */
export function jobRig(make: MakeSubject<Jobs>) {
  let subject: Subject<Jobs>;
  let current: Jobs;
  let working: { readonly stop: AbortController; readonly ended: Promise<void> }[];
  beforeEach(async () => {
    subject = await make();
    current = subject.port;
    working = [];
  });
  const stopAll = () => {
    for (const { stop } of working) stop.abort();
  };
  afterEach(async () => {
    stopAll();
    await Promise.all(working.map(({ ended }) => ended));
    await subject.close();
  });

  const jobs: Jobs = {
    enqueue: (...terms) => current.enqueue(...terms),
    work: (...terms) => current.work(...terms),
    deadJobs: (...terms) => current.deadJobs(...terms),
    deadJob: (...terms) => current.deadJob(...terms),
    requeue: (...terms) => current.requeue(...terms),
  };
  return {
    jobs,
    stopAll,
    pass: (ms: number) => subject.pass(ms),
    /** The same jobs, as whoever comes next finds them. */
    async reopen() {
      current = await subject.reopen();
    },
    work(handlers: JobWork['handlers'], more: Omit<JobWork, 'handlers'> = {}) {
      const stop = new AbortController();
      const ended = jobs.work({ handlers, ...more }, stop.signal);
      working.push({ stop, ended });
      return { stop, ended };
    },
    soon: (check: () => void | Promise<void>) => vi.waitFor(check, SOON),
    add: (kind: string, more: Partial<NewJob> = {}) => jobs.enqueue([{ kind, payload: {}, ...more }], signal),
    dead: () => jobs.deadJobs(100, undefined, signal),
  };
}

/** A handler that notes what it was given. */
export function noting() {
  const done: Job[] = [];
  const handle: JobHandler = async (job) => {
    done.push(job);
  };
  return { done, handle };
}

/** A handler that notes the try, and never ends. */
export function hanging() {
  const tries: number[] = [];
  const handle: JobHandler = ({ attempt }) => {
    tries.push(attempt);
    return new Promise(() => {});
  };
  return { tries, handle };
}

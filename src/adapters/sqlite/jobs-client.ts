import type { Jobs } from '../../ports/jobs.ts';
import { type Clock, sleep } from '../../std/clock.ts';
import { toFault } from '../../std/fault.ts';
import type { Log } from '../../std/log.ts';
import { createTimetable } from '../../std/timetable.ts';
import { noteOutcome, type TryOutcome, tryOnce } from '../../std/try-once.ts';
import { type Bells, DEFAULT_CONCURRENCY, workLoop } from '../../std/work-loop.ts';
import type { RecordsClient } from './records-client.ts';
import type { HeldJob, JobOutcome } from './records-wire.ts';

/** How often it looks when nothing is due and nobody rings. */
const IDLE_MS = 60_000;
/** A thread that was lost is back by then, mostly. */
const AFTER_FAILURE_MS = 1_000;
const SETTLE_TRIES = 5;

export interface SqliteJobs extends Jobs {
  /** Something was enqueued elsewhere: whoever works looks at once. */
  ring(): void;
}

/** Jobs, through the records thread; due times are counted by `clock`. What a dead process had in hand runs again. */
export function jobsOver(client: RecordsClient, clock: Clock, log: Log): SqliteJobs {
  const bells: Bells = new Set();
  const timetable = createTimetable(clock);
  // What was taken has to be settled: no signal stops those two, only the closing of the client.
  const always = new AbortController().signal;
  const ring = () => {
    for (const bell of bells) bell();
  };

  const take = async (kinds: readonly string[], room: number) => {
    try {
      const due = timetable.due().map((kind) => ({ kind, key: 'schedule', payload: {} }));
      if (due.length > 0) await client.ask('addJobs', [due, clock.now()], always);
      const { jobs, nextDueAt = Number.POSITIVE_INFINITY } = await client.ask(
        'takeJobs',
        [kinds, room, clock.now()],
        always,
      );
      const againInMs = Math.min(nextDueAt - clock.now(), timetable.nextInMs() ?? IDLE_MS, IDLE_MS);
      return { pieces: jobs, againInMs: Math.max(0, againInMs) };
    } catch (thrown) {
      log.warn({ reason: toFault(thrown).reason }, 'jobs could not be taken; tried again');
      return { pieces: [], againInMs: AFTER_FAILURE_MS };
    }
  };
  const settle = async ({ id, kind }: HeldJob, outcome: JobOutcome) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await client.ask('settleJob', [id, outcome], always);
      } catch (thrown) {
        const { reason } = toFault(thrown);
        if (reason === 'records.closed' || attempt === SETTLE_TRIES) {
          log.warn({ job: id, jobKind: kind, reason }, 'a job could not be settled; it runs again after a restart');
          return;
        }
        await sleep(clock, AFTER_FAILURE_MS, always);
      }
    }
  };

  return {
    ring,
    async enqueue(jobs, signal) {
      await client.ask('addJobs', [jobs, clock.now()], signal);
      ring();
    },
    async work({ handlers, schedules = [], concurrency = DEFAULT_CONCURRENCY }, signal) {
      for (const { kind, everyMinutes } of schedules) timetable.add(kind, everyMinutes);
      const kinds = Object.keys(handlers);
      const run = async (job: HeldJob) => {
        const { maxAttempts, ...told } = job;
        const handle = async (within: AbortSignal) => handlers[job.kind]?.(told, within);
        const outcome = await tryOnce(handle, job.attempt, maxAttempts, clock, signal);
        noteOutcome(log, job, outcome);
        await settle(job, placed(outcome, clock.now()));
      };
      await workLoop({ concurrency, take: (room) => take(kinds, room), run }, bells, clock, signal);
    },
    deadJobs: (limit, before, signal) => client.ask('deadJobs', [limit, before], signal),
    deadJob: (id, signal) => client.ask('deadJob', [id], signal),
    async requeue(id, signal) {
      const isThere = await client.ask('requeueJob', [id, clock.now()], signal);
      if (isThere) ring();
      return isThere;
    },
  };
}

function placed(outcome: TryOutcome, now: number): JobOutcome {
  switch (outcome.kind) {
    case 'again':
      return { kind: 'again', dueAt: now + outcome.delayMs };
    case 'dead':
      return { kind: 'dead', reason: outcome.fault.reason, failedAt: now };
    case 'done':
    case 'handed_back':
      return outcome;
    default:
      return outcome satisfies never;
  }
}

import type { DeadJob, Job, Jobs, NewJob } from '../../ports/jobs.ts';
import type { Clock } from '../../std/clock.ts';
import { createTimetable } from '../../std/timetable.ts';
import { DEFAULT_MAX_ATTEMPTS, type TryOutcome, tryOnce } from '../../std/try-once.ts';
import { type Bells, DEFAULT_CONCURRENCY, type LoopWork, workLoop } from '../../std/work-loop.ts';

interface Kept extends Job {
  readonly key: string | undefined;
  readonly maxAttempts: number;
  readonly stands: { readonly waitsUntil: number } | 'held' | Omit<DeadJob, keyof Job>;
}

export interface MemoryJobs extends Jobs {
  /** Enqueues at once: for the stores whose transaction this is. */
  add(jobs: readonly NewJob[]): void;
}

/** Jobs in memory, for tests of other rooms. */
export function memoryJobs(clock: Clock): MemoryJobs {
  const kept = new Map<string, Kept>();
  const bells: Bells = new Set();
  const timetable = createTimetable(clock);
  let lastId = 0;

  const add = (jobs: readonly NewJob[]) => {
    for (const { kind, key, payload, delayMs = 0, maxAttempts = DEFAULT_MAX_ATTEMPTS } of jobs) {
      const isSame = (job: Kept) => job.kind === kind && job.key === key && isWaiting(job);
      if (key !== undefined && [...kept.values()].some(isSame)) continue;
      const stands = { waitsUntil: clock.now() + delayMs };
      const id = String(++lastId);
      kept.set(id, { id, kind, key, payload: structuredClone(payload), attempt: 0, maxAttempts, stands });
    }
    if (jobs.length > 0) for (const ring of bells) ring();
  };
  const take = (kinds: readonly string[], room: number) => {
    const now = clock.now();
    const waiting = [...kept.values()].filter(({ kind }) => kinds.includes(kind)).flatMap(dueAt);
    const due = waiting.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
    const pieces = due.slice(0, room).map(({ job }): Kept => ({ ...job, attempt: job.attempt + 1, stands: 'held' }));
    for (const piece of pieces) kept.set(piece.id, piece);
    const later = waiting.filter(({ at }) => at > now).map(({ at }) => at - now);
    return { pieces, againInMs: Math.min(...later, timetable.nextInMs() ?? 60_000) };
  };
  const settle = (job: Kept, outcome: TryOutcome) => {
    const now = clock.now();
    switch (outcome.kind) {
      case 'done':
        kept.delete(job.id);
        break;
      case 'again':
        kept.set(job.id, { ...job, stands: { waitsUntil: now + outcome.delayMs } });
        break;
      case 'dead':
        kept.set(job.id, { ...job, stands: { reason: outcome.fault.reason, failedAt: now } });
        break;
      case 'handed_back':
        kept.set(job.id, { ...job, attempt: job.attempt - 1, stands: { waitsUntil: now } });
        break;
      default:
        outcome satisfies never;
    }
  };
  const dead = () =>
    [...kept.values()].flatMap(deadOf).sort((a, b) => b.failedAt - a.failedAt || Number(b.id) - Number(a.id));

  return {
    add,
    async enqueue(jobs, signal) {
      signal.throwIfAborted();
      add(jobs);
    },
    async work({ handlers, schedules = [], concurrency = DEFAULT_CONCURRENCY }, signal) {
      for (const { kind, everyMinutes } of schedules) timetable.add(kind, everyMinutes);
      const loop: LoopWork<Kept> = {
        concurrency,
        take: async (room) => {
          add(timetable.due().map((kind) => ({ kind, key: 'schedule', payload: {} })));
          return take(Object.keys(handlers), room);
        },
        run: async (piece) => {
          const { id, kind, payload, attempt, maxAttempts } = piece;
          const handle = async (within: AbortSignal) => handlers[kind]?.({ id, kind, payload, attempt }, within);
          settle(piece, await tryOnce(handle, attempt, maxAttempts, clock, signal));
        },
      };
      await workLoop(loop, bells, clock, signal);
    },
    async deadJobs(limit, before, signal) {
      signal.throwIfAborted();
      const all = dead();
      const from = before === undefined ? 0 : all.findIndex(({ id }) => id === before) + 1;
      return before !== undefined && from === 0 ? [] : all.slice(from, from + limit);
    },
    async deadJob(id, signal) {
      signal.throwIfAborted();
      return dead().find((job) => job.id === id);
    },
    async requeue(id, signal) {
      signal.throwIfAborted();
      const job = kept.get(id);
      if (!job || deadOf(job).length === 0) return false;
      kept.set(id, { ...job, attempt: 0, stands: { waitsUntil: clock.now() } });
      for (const ring of bells) ring();
      return true;
    },
  };
}

function isWaiting({ stands }: Kept): boolean {
  return stands !== 'held' && 'waitsUntil' in stands;
}

function dueAt(job: Kept): readonly { readonly job: Kept; readonly at: number }[] {
  const { stands } = job;
  return stands !== 'held' && 'waitsUntil' in stands ? [{ job, at: stands.waitsUntil }] : [];
}

function deadOf({ id, kind, payload, attempt, stands }: Kept): readonly DeadJob[] {
  return stands !== 'held' && 'reason' in stands ? [{ id, kind, payload, attempt, ...stands }] : [];
}

import { expect, it, vi } from 'vitest';
import { memoryJobs } from '../../src/adapters/memory/jobs.ts';
import type { Jobs } from '../../src/ports/jobs.ts';
import { jobPlacesContract } from './job-places.ts';
import { jobsContract } from './jobs.ts';
import { inMemory, inSqlite, type MakeSubject, ON_DISK } from './subject.ts';

const overMemory: MakeSubject<Jobs> = inMemory(memoryJobs);
const overSqlite: MakeSubject<Jobs> = inSqlite(({ jobs }) => jobs);

jobsContract('memory', overMemory);
jobsContract('sqlite', overSqlite, ON_DISK);
jobPlacesContract('memory', overMemory);
jobPlacesContract('sqlite', overSqlite);

// Where a database keeps the timetable its own clock decides: there the schedule is tested apart.
it.each([
  ['memory', overMemory],
  ['sqlite', overSqlite],
])('does what is scheduled once at every full so many minutes, over %s', async (_, make) => {
  const subject = await make();
  const stop = new AbortController();
  const times: number[] = [];
  const { clock, port: jobs } = subject;
  const work = {
    handlers: { sweep: async () => void times.push(clock.now()) },
    schedules: [{ kind: 'sweep', everyMinutes: 5 }],
  };
  const ended = Promise.all([jobs.work(work, stop.signal), jobs.work(work, stop.signal)]);
  const fiveMinutes = 5 * 60_000;
  await clock.advance(fiveMinutes - (clock.now() % fiveMinutes) - 1);
  expect(times).toEqual([]);
  for (const round of [1, 2]) {
    await clock.advance(1);
    await vi.waitFor(() => expect(times).toHaveLength(round));
    await clock.advance(fiveMinutes - 1);
  }
  expect(times.map((at) => at % fiveMinutes)).toEqual([0, 0]);
  stop.abort();
  await ended;
  await subject.close();
});

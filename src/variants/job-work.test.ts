import { expect, it } from 'vitest';
import { memoryContext } from '../operations/context.fixture.ts';
import { JOB_KINDS } from '../operations/job-kinds.ts';
import { jobWork } from './job-work.ts';

const signal = new AbortController().signal;
const hung = () => new Promise<void>(() => {});

it('has every schedule’s handler, and a handler for each hook', () => {
  const [house, hooks] = jobWork(memoryContext({ hooks: { onCallAnalyzed: async () => {} } }).context);
  const { handlers = {}, schedules = [] } = house ?? {};
  expect(schedules.map(({ kind }) => kind)).toEqual(['recover-dials', 'sweep-missed-ends']);
  expect(Object.keys(handlers)).toEqual(
    expect.arrayContaining(['look-up-dial', 'check-placed-call', ...schedules.map(({ kind }) => kind)]),
  );
  expect(Object.keys(hooks?.handlers ?? {})).toEqual(['call-analyzed']);
});

it('is what the author hooks in, and no more, where Retell cannot be asked', () => {
  const { context } = memoryContext({ callControl: undefined });
  expect(jobWork(context)).toEqual([]);
  const work = jobWork({ ...context, hooks: { onCallPlaced: async () => {} } });
  expect(work.map(({ handlers }) => Object.keys(handlers))).toEqual([['call-placed']]);
});

it('goes on with what the house has to do while hooks hang, and stops', async () => {
  const { context, clock } = memoryContext({ hooks: { onCallPlaced: hung, onCallAnalyzed: hung } });
  const done: string[] = [];
  const stopping = new AbortController();
  const working = jobWork(context).map(({ handlers, ...more }) => {
    const noting = Object.entries(handlers).map(([kind, handle]) => [
      kind,
      (job: Parameters<typeof handle>[0], within: AbortSignal) => {
        done.push(kind);
        return handle(job, within);
      },
    ]);
    return context.jobs.work({ ...more, handlers: Object.fromEntries(noting) }, stopping.signal);
  });
  const { callPlaced, callAnalyzed, recoverDials } = JOB_KINDS;
  const hooked = Array.from({ length: 20 }, (_, n) => ({
    kind: n % 2 === 0 ? callPlaced : callAnalyzed,
    payload: { callId: `call_that_hangs_${n}` },
  }));
  await context.jobs.enqueue(hooked, signal);
  await clock.advance(1_000);
  expect(done.filter((kind) => kind === callPlaced || kind === callAnalyzed)).toHaveLength(5);
  await clock.advance(5 * 60_000);
  expect(done.filter((kind) => kind === recoverDials)).toHaveLength(5);
  expect(done).toContain('sweep-missed-ends');
  stopping.abort();
  await clock.advance(5_000);
  await Promise.all(working);
});

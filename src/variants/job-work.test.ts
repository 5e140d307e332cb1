import { expect, it } from 'vitest';
import { memoryContext } from '../operations/context.fixture.ts';
import { jobWork } from './job-work.ts';

it('has every schedule’s handler, and a handler for each hook', () => {
  const { handlers, schedules = [] } = jobWork(memoryContext({ hooks: { onCallAnalyzed: async () => {} } }).context);
  expect(schedules.map(({ kind }) => kind)).toEqual(['recover-dials', 'sweep-missed-ends']);
  expect(Object.keys(handlers)).toEqual(
    expect.arrayContaining([
      'look-up-dial',
      'check-placed-call',
      'call-analyzed',
      ...schedules.map(({ kind }) => kind),
    ]),
  );
  expect(Object.keys(handlers)).not.toContain('call-placed');
});

it('is what the author hooks in, and no more, where Retell cannot be asked', () => {
  const { context } = memoryContext({ callControl: undefined });
  expect(jobWork(context)).toEqual({ handlers: {}, schedules: [] });
  expect(Object.keys(jobWork({ ...context, hooks: { onCallPlaced: async () => {} } }).handlers)).toEqual([
    'call-placed',
  ]);
});

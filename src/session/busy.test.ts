import { expect, it } from 'vitest';
import { ManualClock } from '../std/manual-clock.ts';
import { refuseBusy } from './busy.ts';
import { agentOf, RecordedLine } from './roster.fixture.ts';

it.each([
  [{ kind: 'end' }, '∎ end'],
  [{ kind: 'callback' }, '∎ end'],
  [{ kind: 'transfer', number: '+15550100' }, '∎ transfer'],
] as const)('the busy line comes with the action the agent chose: %j', (action, closed) => {
  const line = new RecordedLine();
  refuseBusy(line, agentOf({ overflow: { line: 'Busy.', action } }), new ManualClock(), 0);
  expect(line.sent(0)).toEqual(['Busy.', closed]);
});

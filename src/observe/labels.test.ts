import { expect, it } from 'vitest';
import { boundedLabel } from './labels.ts';

it('keeps the first values it sees and calls the rest other', () => {
  const label = boundedLabel(2);
  expect(['user_hangup', 'agent_hangup', 'inactivity', 'user_hangup'].map(label)).toEqual([
    'user_hangup',
    'agent_hangup',
    'other',
    'user_hangup',
  ]);
});

it.each(['', 'call +15550100', 'a'.repeat(65), 'x\ny', '"', '5550100'])('does not let %j become a label', (value) => {
  expect(boundedLabel()(value)).toBe('other');
});

import { describe, expect, it } from 'vitest';
import { ManualClock } from '../std/manual-clock.ts';
import { awaitDetails } from './details.ts';

describe('details that a first word waits for', () => {
  const details = { agentId: 'agent_9', variables: {} };

  it('are there at once when they came first', async () => {
    const waiting = awaitDetails(new ManualClock());
    waiting.arrive(details);
    expect(await waiting.arrived('greeting')).toEqual(details);
  });

  it.each([
    ['greeting', 500],
    ['busy', 200],
  ] as const)('are waited for no longer than a %s allows: %i ms', async (purpose, waitMs) => {
    const clock = new ManualClock();
    const waiting = awaitDetails(clock);
    let answer: unknown = 'waiting';
    void waiting.arrived(purpose).then((arrived) => {
      answer = arrived;
    });
    await clock.advance(waitMs - 1);
    expect(answer).toBe('waiting');
    await clock.advance(1);
    expect(answer).toBeUndefined();
    waiting.arrive(details);
    expect(await waiting.arrived(purpose)).toBeUndefined();
  });
});

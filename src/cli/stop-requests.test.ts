import { describe, expect, it } from 'vitest';
import { ManualClock } from '../std/manual-clock.ts';
import { onStopRequests } from './stop-requests.ts';
import { recordTerminal } from './terminal.fixture.ts';

function listening() {
  const clock = new ManualClock();
  const terminal = recordTerminal();
  const wishes: string[] = [];
  const stop = onStopRequests(terminal, clock, {
    first: () => wishes.push('drain'),
    again: () => wishes.push('stop'),
  });
  return { clock, terminal, wishes, stop };
}

describe('onStopRequests', () => {
  it('takes a signal that arrives twice at once for one wish', () => {
    const { terminal, wishes } = listening();
    terminal.interrupt();
    terminal.interrupt();
    expect(wishes).toEqual(['drain']);
  });

  it('hears the second wish', async () => {
    const { clock, terminal, wishes } = listening();
    terminal.interrupt();
    await clock.advance(501);
    terminal.interrupt();
    expect(wishes).toEqual(['drain', 'stop']);
  });

  it('stops listening when told to', () => {
    const { terminal, wishes, stop } = listening();
    stop();
    terminal.interrupt();
    expect(wishes).toEqual([]);
  });
});

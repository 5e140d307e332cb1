import { describe, expect, it } from 'vitest';
import { ManualClock } from '../std/manual-clock.ts';
import { showProgress } from './progress.ts';
import { recordTerminal } from './terminal.fixture.ts';

async function shown(isLive: boolean, everyMs: number, times: number) {
  const clock = new ManualClock();
  const terminal = { ...recordTerminal(), isLive };
  const progress = showProgress(terminal, clock);
  for (let i = 0; i < times; i++) {
    progress.show(`${i}`);
    await clock.advance(everyMs);
  }
  progress.clear();
  return terminal.said.err;
}

describe('showProgress', () => {
  it('redraws at most four times a second where somebody watches, and takes the line away', async () => {
    expect(await shown(true, 50, 20)).toEqual(['0', '5', '10', '15', '']);
  });

  it('says a line every ten seconds elsewhere', async () => {
    expect(await shown(false, 1_000, 25)).toEqual(['10', '20']);
  });
});

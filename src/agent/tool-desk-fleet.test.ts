import { describe, expect, it } from 'vitest';
import { asker, counting, EIGHT } from '../../test/desk-rig.ts';
import { memoryToolLedger } from '../adapters/memory/tool-ledger.ts';
import type { ToolLedger } from '../ports/tool-ledger.ts';
import { type Clock, sleep } from '../std/clock.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { createToolDesk } from './tool-desk.ts';

/** A ledger of several processes: it knows how long ago a key was claimed. */
function sharedLedger(clock: Clock): ToolLedger {
  const ledger = memoryToolLedger();
  const claimedAt = new Map<string, number>();
  return {
    ...ledger,
    async claim(callId, key, signal) {
      const claim = await ledger.claim(callId, key, signal);
      if (claim.kind === 'claimed') claimedAt.set(key, clock.now());
      return claim.kind === 'unsettled' ? { ...claim, sinceMs: clock.now() - (claimedAt.get(key) ?? 0) } : claim;
    },
    async takeOver(callId, key, claim, signal) {
      const isTaken = await ledger.takeOver(callId, key, claim, signal);
      if (isTaken) claimedAt.set(key, clock.now());
      return isTaken;
    },
  };
}

/** Three processes over one ledger, and a tool that takes three seconds and can be looked up. */
function threeProcesses() {
  const clock = new ManualClock();
  const ledger = sharedLedger(clock);
  const landed: string[] = [];
  const { book, seen } = counting('once', {
    timeoutMs: 5_000,
    async run({ time }, { signal }) {
      await sleep(clock, 3_000, signal);
      landed.push(time);
      return 'booked';
    },
    lookup: async ({ time }) => (landed.includes(time) ? 'found' : undefined),
  });
  const process = () => {
    const desk = createToolDesk(ledger, clock, silentLog);
    return { ask: asker(desk, { book }), die: desk.close };
  };
  return { clock, landed, seen, first: process(), second: process(), third: process() };
}

describe('a tool that another process is at work on', () => {
  it('is waited for: what a lookup does not find yet may still land', async () => {
    const { clock, landed, seen, first, second } = threeProcesses();
    const asked = first.ask(EIGHT);
    await clock.advance(100);
    const askedAgain = second.ask(EIGHT);
    await clock.advance(3_500);
    expect(await asked).toMatchObject({ kind: 'done', content: 'booked' });
    expect(await askedAgain).toMatchObject({ kind: 'done', content: 'booked' });
    expect([seen.effects.length, landed]).toEqual([1, ['20:00']]);
  });

  it('is looked up once its time is over, and done when it never landed', async () => {
    const { clock, landed, first, second } = threeProcesses();
    void first.ask(EIGHT);
    await clock.advance(100);
    first.die();
    const asked = second.ask(EIGHT);
    await clock.advance(5_800);
    expect(landed).toEqual([]);
    await clock.advance(3_500);
    expect(await asked).toMatchObject({ kind: 'done', content: 'booked' });
    expect(landed).toEqual(['20:00']);
  });

  it('is done by one of two who waited for it and looked it up together', async () => {
    const { clock, landed, seen, first, second, third } = threeProcesses();
    void first.ask(EIGHT);
    await clock.advance(100);
    first.die();
    const asked = [second.ask(EIGHT), third.ask(EIGHT)];
    await clock.advance(12_000);
    expect(await Promise.all(asked)).toMatchObject([
      { kind: 'done', content: 'booked' },
      { kind: 'done', content: 'booked' },
    ]);
    expect([seen.effects.length, landed]).toEqual([2, ['20:00']]);
  });
});

import { describe, expect, it } from 'vitest';
import { asker, type BookDefinition, counting, EIGHT, EIGHT_KEY } from '../../test/desk-rig.ts';
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
    async takeOver(callId, key, claimId, signal) {
      const taken = await ledger.takeOver(callId, key, claimId, signal);
      if (taken !== undefined) claimedAt.set(key, clock.now());
      return taken;
    },
  };
}

/** Processes over one ledger, whose tool takes three seconds of its five, and can be looked up. */
function fleet() {
  const clock = new ManualClock();
  const shared = sharedLedger(clock);
  const landed: string[] = [];
  const lookup = async ({ time }: { readonly time: string }) => (landed.includes(time) ? 'found' : undefined);
  const land = async (afterMs: number, time: string, signal: AbortSignal) => {
    await sleep(clock, afterMs, signal);
    landed.push(time);
    return 'booked';
  };
  const process = (definition: Partial<BookDefinition> = {}, ledger = shared) => {
    const run: BookDefinition['run'] = ({ time }, { signal }) => land(3_000, time, signal);
    const { book, seen } = counting('once', { timeoutMs: 5_000, run, lookup, ...definition });
    const desk = createToolDesk(ledger, clock, silentLog);
    return { ask: asker(desk, { book }), die: desk.close, seen };
  };
  const dieAtWork = async (first: ReturnType<typeof process>) => {
    void first.ask(EIGHT);
    await clock.advance(100);
    first.die();
  };
  return { clock, shared, landed, land, lookup, process, dieAtWork };
}

const BOOKED = { kind: 'done', content: 'booked' } as const;

describe('a tool that another process is at work on', () => {
  it('is waited for: what a lookup does not find yet may still land', async () => {
    const { clock, landed, process } = fleet();
    const asked = process().ask(EIGHT);
    await clock.advance(100);
    const askedAgain = process().ask(EIGHT);
    await clock.advance(3_500);
    expect(await Promise.all([asked, askedAgain])).toMatchObject([BOOKED, BOOKED]);
    expect(landed).toEqual(['20:00']);
  });

  it('is looked up once its time is over, and done when it never landed', async () => {
    const { clock, landed, process, dieAtWork } = fleet();
    await dieAtWork(process());
    const asked = process().ask(EIGHT);
    await clock.advance(7_800);
    expect(landed).toEqual([]);
    await clock.advance(3_500);
    expect(await asked).toMatchObject(BOOKED);
    expect(landed).toEqual(['20:00']);
  });

  it('is done by one of two who waited for it and looked it up together', async () => {
    const { clock, landed, process, dieAtWork } = fleet();
    await dieAtWork(process());
    const asked = [process().ask(EIGHT), process().ask(EIGHT)];
    await clock.advance(12_000);
    expect(await Promise.all(asked)).toMatchObject([BOOKED, BOOKED]);
    expect(landed).toEqual(['20:00']);
  });

  it('is not done again on a yes that was for the time before', async () => {
    const { clock, process, dieAtWork } = fleet();
    const lookup = async () => Promise.reject(new Error('nobody answers'));
    const [second, third] = [process({ lookup }), process({ lookup })];
    await dieAtWork(process({ lookup }));
    const granted = [EIGHT_KEY];
    void second.ask(EIGHT, { granted });
    const asked = third.ask(EIGHT, { granted });
    await clock.advance(8_500);
    second.die();
    await clock.advance(10_000);
    expect(await asked).toEqual({ kind: 'unknown', key: EIGHT_KEY });
    expect([second, third].map(({ seen }) => seen.effects.length)).toEqual([1, 0]);
  });

  it('is left to whoever took it over, though the first one finds late that it did nothing', async () => {
    const { clock, landed, lookup, process } = fleet();
    const first = process({
      async run(_args, { signal }) {
        await sleep(clock, 4_900, signal);
        throw new Error('the book was closed');
      },
      async lookup(args, { signal }) {
        await sleep(clock, 4_900, signal);
        return lookup(args);
      },
    });
    void first.ask(EIGHT);
    await clock.advance(100);
    const second = process().ask(EIGHT);
    await clock.advance(9_800);
    const third = process().ask(EIGHT);
    await clock.advance(3_000);
    expect(await Promise.all([second, third])).toMatchObject([BOOKED, BOOKED]);
    expect(landed).toEqual(['20:00']);
  });

  it('is given its time from when it learnt of its claim, however late the ledger answered', async () => {
    const { clock, shared, landed, land, process } = fleet();
    const slow: ToolLedger = {
      ...shared,
      async claim(...asked) {
        const claim = await shared.claim(...asked);
        await sleep(clock, 1_900, asked[2]);
        return claim;
      },
    };
    const first = process({ run: ({ time }, { signal }) => land(4_600, time, signal) }, slow).ask(EIGHT);
    await clock.advance(100);
    const second = process().ask(EIGHT);
    await clock.advance(12_000);
    expect(await Promise.all([first, second])).toMatchObject([BOOKED, BOOKED]);
    expect(landed).toEqual(['20:00']);
  });
});

import { describe, expect, it } from 'vitest';
import { newCallId, sampleHead } from '../../test/contracts/samples.ts';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import { memoryLeases } from '../adapters/memory/leases.ts';
import { CALL_TTL_MS } from '../call/live-call.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { keepSlots } from './keep-slots.ts';

const { signal } = new AbortController();
const ADRIFT_MS = 30_000;

/** A house restarted so long after the last commit of its only call. */
async function restarted(silentMs: number) {
  const clock = new ManualClock();
  const callStore = memoryCallStore(clock);
  const leases = memoryLeases(clock);
  const callId = newCallId();
  const { epoch } = await callStore.take(callId, signal);
  await callStore.commit(callId, epoch, { head: sampleHead(1), appended: [], facts: [] }, signal);
  await clock.advance(silentMs);
  await keepSlots(callStore, leases, ADRIFT_MS, clock, signal);
  return { clock, leases };
}

describe('after a restart', () => {
  it.each([0, 31_000, CALL_TTL_MS - 1])('a call last committed %i ms ago keeps its slot', async (silentMs) => {
    const { leases } = await restarted(silentMs);
    expect(await leases.count(signal)).toBe(1);
    expect(await leases.acquire('another', 1, ADRIFT_MS, signal)).toBe('full');
  });

  it('a call that does not come back gives its slot up, counted from the restart', async () => {
    const { clock, leases } = await restarted(29_000);
    await clock.advance(ADRIFT_MS - 1);
    expect(await leases.count(signal)).toBe(1);
    await clock.advance(1);
    expect(await leases.count(signal)).toBe(0);
  });

  it('a call not committed for longer than any lasts has no slot: it is the sweeper’s', async () => {
    const { leases } = await restarted(CALL_TTL_MS);
    expect(await leases.count(signal)).toBe(0);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newCallId, sampleHead } from '../../test/contracts/samples.ts';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import type { CallId } from '../call/call.ts';
import { CALL_TTL_MS } from '../call/live-call.ts';
import type { CallStore } from '../ports/call-store.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { runSweeper } from './sweeper.ts';

const signal = new AbortController().signal;

describe('the sweeper', () => {
  let clock: ManualClock;
  let callStore: CallStore;
  let told: CallId[];
  let stop: AbortController;
  let running: Promise<void>;
  beforeEach(() => {
    clock = new ManualClock();
    callStore = memoryCallStore(clock);
    told = [];
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  const start = (refused?: CallId) => {
    const end = async (callId: CallId) => {
      told.push(callId);
      if (callId === refused) throw new Error('this one cannot be ended');
    };
    const options = { ender: { end }, callStore, clock, log: silentLog, everyMs: CALL_TTL_MS / 10 };
    running = runSweeper(options, stop.signal);
  };
  const adrift = async () => {
    const callId = newCallId();
    await callStore.take(callId, signal);
    const head = sampleHead(0, { phase: { kind: 'adrift', since: clock.now() } });
    await callStore.commit(callId, 1, { head, appended: [], facts: [] }, signal);
    return callId;
  };
  const phaseOf = async (callId: CallId) => (await callStore.load(callId, signal))?.head.phase;

  it('ends a call adrift for as long as a call may live, and not before', async () => {
    const callId = await adrift();
    start();
    await clock.advance(CALL_TTL_MS * 0.99);
    expect(await phaseOf(callId)).toMatchObject({ kind: 'adrift' });
    await clock.advance(CALL_TTL_MS * 0.01);
    expect(await phaseOf(callId)).toEqual({ kind: 'over', reason: 'adrift_too_long' });
    expect((await callStore.pendingFacts(10, signal)).map(({ event }) => event)).toMatchObject([
      { type: 'call.ended', callId, epoch: 2, reason: 'adrift_too_long' },
    ]);
    await clock.advance(CALL_TTL_MS);
    expect(await callStore.pendingFacts(10, signal)).toHaveLength(1);
  });

  it('tells a process that still serves the call, before its end and after it', async () => {
    const callId = await adrift();
    start();
    await clock.advance(CALL_TTL_MS);
    expect(told).toEqual([callId, callId]);
  });

  it('leaves a call alone that was stored since', async () => {
    const callId = await adrift();
    start();
    await clock.advance(CALL_TTL_MS * 0.9);
    await callStore.take(callId, signal);
    await callStore.commit(callId, 2, { head: sampleHead(7), appended: [], facts: [] }, signal);
    await clock.advance(CALL_TTL_MS * 0.5);
    expect(await phaseOf(callId)).toEqual({ kind: 'listening' });
  });

  it('looks at once when it starts: the process may have been away for long', async () => {
    const callId = await adrift();
    await clock.advance(CALL_TTL_MS);
    start();
    await clock.advance(0);
    expect(await phaseOf(callId)).toMatchObject({ kind: 'over' });
  });

  it('does not let a call that cannot be ended keep the others', async () => {
    const [first, second] = [await adrift(), await adrift()];
    start(first);
    await clock.advance(CALL_TTL_MS);
    expect(await phaseOf(first)).toMatchObject({ kind: 'adrift' });
    expect(await phaseOf(second)).toMatchObject({ kind: 'over' });
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { newCallId, sampleEvent, sampleHead } from '../../test/contracts/samples.ts';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import type { CallId } from '../call/call.ts';
import type { CallEvent } from '../call/events.ts';
import type { CallStore } from '../ports/call-store.ts';
import { ManualClock } from '../std/manual-clock.ts';
import type { CallEnder } from './close-call.ts';
import { closerHandler } from './closer.ts';

const signal = new AbortController().signal;
const nobody: CallEnder = { end: async () => {} };

describe('the closer', () => {
  let clock: ManualClock;
  let callStore: CallStore;
  let callId: CallId;
  let reported: CallEvent;
  beforeEach(async () => {
    clock = new ManualClock();
    callStore = memoryCallStore(clock);
    callId = newCallId();
    reported = sampleEvent(callId, 0, { type: 'call.reported', disconnectionReason: 'user_hangup' }, 0);
  });

  const store = async () => {
    await callStore.take(callId, signal);
    await callStore.commit(callId, 1, { head: sampleHead(4), appended: [], facts: [] }, signal);
  };
  const close = (ender: CallEnder, event = reported, over = callStore) =>
    closerHandler({ ender, callStore: over, clock })(event, signal);
  const facts = async () => (await callStore.pendingFacts(10, signal)).map(({ event }) => event);

  it('ends a call of which only the state is left, once, with its fact in the same act', async () => {
    await store();
    await close(nobody);
    await close(nobody);
    expect(await facts()).toEqual([
      { type: 'call.ended', reason: 'user_hangup', v: 1, callId, epoch: 2, seq: 0, at: clock.now() },
    ]);
    expect((await callStore.load(callId, signal))?.head).toEqual({
      ...sampleHead(4),
      phase: { kind: 'over', reason: 'user_hangup' },
    });
  });

  it('frees the slot once more when the end is stored: one may have been kept for it in between', async () => {
    await store();
    const phases: (string | undefined)[] = [];
    const end = async () => void phases.push((await callStore.load(callId, signal))?.head.phase.kind);
    await close({ end });
    expect(phases).toEqual(['listening', 'over']);
  });

  it('leaves the end to the session that serves the call', async () => {
    await store();
    const ended = sampleEvent(callId, 5, { type: 'call.ended', reason: 'user_hangup' });
    const end = async (id: CallId, reason: string) => {
      const head = sampleHead(4, { phase: { kind: 'over', reason } });
      await callStore.commit(id, 1, { head, appended: [], facts: [ended] }, signal);
    };
    await close({ end });
    expect(await facts()).toEqual([ended]);
  });

  it('fences a session that did not store the end it was told of', async () => {
    await store();
    await close(nobody);
    const late = sampleEvent(callId, 5, { type: 'call.ended', reason: 'late' });
    expect(await callStore.commit(callId, 1, { head: sampleHead(), appended: [], facts: [late] }, signal)).toBe(
      'fenced',
    );
    expect(await facts()).toHaveLength(1);
  });

  it('does nothing for a call that is not stored', async () => {
    await close(nobody);
    expect(await facts()).toEqual([]);
    expect(await callStore.take(callId, signal)).toEqual({ epoch: 1, stored: undefined });
  });

  it('leaves nothing behind of a call that was archived meanwhile', async () => {
    await store();
    const take: CallStore['take'] = async (...args) => {
      await callStore.remove(callId, signal);
      return callStore.take(...args);
    };
    await close(nobody, reported, { ...callStore, take });
    expect(await facts()).toEqual([]);
    expect(await callStore.list(signal)).toEqual([]);
  });

  it('asks to be tried again when the call was taken from under it', async () => {
    await store();
    const take: CallStore['take'] = async (...args) => {
      const taken = await callStore.take(...args);
      await callStore.take(...args);
      return taken;
    };
    await expect(close(nobody, reported, { ...callStore, take })).rejects.toMatchObject({
      kind: 'conflict',
      reason: 'worker.call_retaken',
    });
    expect(await facts()).toEqual([]);
  });

  it('cares for nothing but reports', async () => {
    await store();
    await close({ end: () => Promise.reject(new Error('not to be called')) }, sampleEvent(callId, 1));
    expect(await facts()).toEqual([]);
  });
});

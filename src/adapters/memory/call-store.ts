import type { CallHead, CallId, StoredCall } from '../../call/call.ts';
import type { PlacedUtterance } from '../../call/transcript.ts';
import type { CallStore } from '../../ports/call-store.ts';
import type { Clock } from '../../std/clock.ts';
import { memoryOutbox } from './outbox.ts';

interface Kept {
  readonly epoch: number;
  readonly isRemoved: boolean;
  readonly head?: CallHead;
  readonly utterances: ReadonlyMap<number, PlacedUtterance>;
  readonly committedAt: number;
}

/** Live calls in memory, for tests of other rooms. Epochs of removed calls are kept for ever. */
export function memoryCallStore(clock: Clock): CallStore {
  const calls = new Map<CallId, Kept>();
  const outbox = memoryOutbox();
  const storedOf = (kept: Kept | undefined): StoredCall | undefined =>
    kept?.head && {
      head: kept.head,
      utterances: [...kept.utterances.values()].sort((a, b) => a.index - b.index),
    };

  return {
    async take(callId, signal) {
      signal.throwIfAborted();
      const kept = calls.get(callId) ?? { epoch: 0, utterances: new Map(), committedAt: 0 };
      const epoch = kept.epoch + 1;
      calls.set(callId, { ...kept, epoch, isRemoved: false });
      return { epoch, stored: storedOf(calls.get(callId)) };
    },
    async commit(callId, epoch, { head, appended, facts }, signal) {
      signal.throwIfAborted();
      const kept = calls.get(callId);
      if (kept === undefined || kept.isRemoved || kept.epoch !== epoch) return 'fenced';
      const utterances = new Map(kept.utterances);
      for (const utterance of appended) utterances.set(utterance.index, utterance);
      calls.set(callId, { ...kept, head: structuredClone(head), utterances, committedAt: clock.now() });
      outbox.append(facts);
      return 'committed';
    },
    async load(callId, signal) {
      signal.throwIfAborted();
      return storedOf(calls.get(callId));
    },
    async list(signal) {
      signal.throwIfAborted();
      return [...calls].flatMap(([callId, { committedAt, head }]) => (head ? [{ callId, committedAt, head }] : []));
    },
    async remove(callId, signal) {
      signal.throwIfAborted();
      const kept = calls.get(callId);
      if (kept) calls.set(callId, { epoch: kept.epoch, isRemoved: true, utterances: new Map(), committedAt: 0 });
    },
    async enqueue(facts, signal) {
      signal.throwIfAborted();
      outbox.append(facts);
    },
    async pendingFacts(limit, signal) {
      signal.throwIfAborted();
      return outbox.pending(limit);
    },
    async forgetFacts(positions, signal) {
      signal.throwIfAborted();
      outbox.forget(positions);
    },
  };
}

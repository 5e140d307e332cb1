import { memoryOutbox } from '../adapters/memory/outbox.ts';
import type { CallHead, CallId, StoredCall } from '../call/call.ts';
import type { PlacedUtterance } from '../call/transcript.ts';
import type { SharedCallStore } from '../ports/call-store.ts';
import type { Clock } from '../std/clock.ts';

interface Shared {
  readonly epoch: number;
  /** The process that took it last. */
  readonly holder: string;
  readonly isRemoved: boolean;
  readonly head?: CallHead;
  readonly utterances: ReadonlyMap<number, PlacedUtterance>;
  readonly committedAt: number;
}

export interface SharedCalls {
  /** The store as this process sees it. */
  seenBy(process: string): SharedCallStore;
  /** Loses everything, as a restart with an empty disk does. */
  lose(): void;
}

/** A store of live calls that several processes share, in memory. */
export function sharedCalls(clock: Clock): SharedCalls {
  const calls = new Map<CallId, Shared>();
  let outbox = memoryOutbox();

  return {
    seenBy,
    lose() {
      calls.clear();
      outbox = memoryOutbox();
    },
  };

  function seenBy(process: string): SharedCallStore {
    return {
      async take(callId, signal) {
        signal.throwIfAborted();
        const known = calls.get(callId) ?? { epoch: 0, utterances: new Map(), committedAt: 0 };
        const epoch = known.epoch + 1;
        calls.set(callId, { ...known, epoch, holder: process, isRemoved: false });
        return { epoch, stored: storedOf(calls.get(callId)) };
      },
      async commit(callId, epoch, { head, appended, facts }, signal) {
        signal.throwIfAborted();
        const known = calls.get(callId);
        if (!known || known.isRemoved || known.epoch !== epoch || known.holder !== process) return 'fenced';
        const utterances = new Map(known.utterances);
        for (const utterance of appended) utterances.set(utterance.index, utterance);
        calls.set(callId, { ...known, head: structuredClone(head), utterances, committedAt: clock.now() });
        outbox.append(facts);
        return 'committed';
      },
      async restore(callId, epoch, countedBy, { head, appended, facts }, signal) {
        signal.throwIfAborted();
        const known = calls.get(callId);
        const isElsewhere = known && known.holder !== process && (countedBy === 'memory' || known.epoch === epoch);
        if (known?.isRemoved || isElsewhere || (known && known.epoch > epoch)) return 'fenced';
        const utterances = new Map(known?.utterances);
        for (const utterance of appended) utterances.set(utterance.index, utterance);
        const committedAt = clock.now();
        calls.set(callId, { epoch, holder: process, isRemoved: false, head, utterances, committedAt });
        outbox.append(facts);
        return 'committed';
      },
      async load(callId, signal) {
        signal.throwIfAborted();
        return storedOf(calls.get(callId));
      },
      async list(signal) {
        signal.throwIfAborted();
        return [...calls].flatMap(([callId, { head, committedAt }]) => (head ? [{ callId, committedAt, head }] : []));
      },
      async remove(callId, signal) {
        signal.throwIfAborted();
        const known = calls.get(callId);
        if (!known) return;
        const { epoch, holder } = known;
        calls.set(callId, { epoch, holder, isRemoved: true, utterances: new Map(), committedAt: 0 });
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
}

function storedOf(known: Shared | undefined): StoredCall | undefined {
  if (!known?.head) return undefined;
  return { head: known.head, utterances: [...known.utterances.values()].sort((a, b) => a.index - b.index) };
}

import type { CallHead, CallId, StoredCall } from '../call/call.ts';
import type { CallEvent } from '../call/events.ts';
import { CALL_TTL_MS } from '../call/live-call.ts';
import type { PlacedUtterance } from '../call/transcript.ts';
import type { CallStore, Commit } from '../ports/call-store.ts';
import { type Dependency, isAway } from '../resilience/dependency.ts';
import type { Clock } from '../std/clock.ts';
import { toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';

/** A call store that several processes share, and that may lose what it had. */
export interface SharedCallStore extends CallStore {
  /**
   * Writes a call that was kept elsewhere while the store was away, whole, in one atomic act. `fenced` when another
   * process holds it: under a higher epoch, or, for one `isTaken` without the store, under the same. What the store
   * does not know any more is written anew.
   */
  restore(
    callId: CallId,
    epoch: number,
    commit: Commit,
    isTaken: boolean,
    signal: AbortSignal,
  ): Promise<'committed' | 'fenced'>;
}

export interface KeptCallStore extends CallStore {
  /** Another process holds the call: what is kept of it here is out of date. */
  forget(callId: CallId, epoch: number): void;
  /** Writes what is behind once more, if it can, and stops. */
  close(): Promise<void>;
}

export interface KeptCallStoreOptions {
  readonly store: SharedCallStore;
  readonly dependency: Dependency;
  /** A call that was kept here is held by another process. */
  readonly onFenced: (callId: CallId) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** A call as this process last knew it. */
interface Kept {
  epoch: number;
  head: CallHead | undefined;
  readonly utterances: Map<number, PlacedUtterance>;
  /** Facts that the store does not have. */
  facts: readonly CallEvent[];
  /** The store does not have all of it. */
  isBehind: boolean;
  /** Its epoch was counted here, without the store. */
  isTaken: boolean;
  /** Counts up at each change: what changed while it was written is still behind. */
  version: number;
  changedAt: number;
}

/** Restored within seconds of the store's return, however many calls there are. */
const LOOK_EVERY_MS = 250;
const AT_ONCE = 16;
const PRUNE_EVERY_MS = 60_000;

/**
 * A call store that goes on while the shared one is away: every call that this process serves is kept in its memory
 * too. A commit that cannot be written within the dependency's deadline is `kept`, a call that cannot be taken is taken
 * from memory; both are written when the store is back. No turn waits longer than the deadline.
 */
export function keepCalls({ store, dependency, onFenced, clock, log }: KeptCallStoreOptions): KeptCallStore {
  const lifetime = new AbortController();
  const calls = new Map<CallId, Kept>();
  let loose: readonly CallEvent[] = [];
  let catchingUp: Promise<void> | undefined;
  const stops = [clock.every(LOOK_EVERY_MS, () => void catchUp()), clock.every(PRUNE_EVERY_MS, prune)];

  return {
    async take(callId, signal) {
      const before = calls.get(callId);
      if (before?.isBehind) await restore(callId, before, signal).catch(() => undefined); // then it is taken from memory
      const kept = calls.get(callId);
      if (!kept?.isBehind) {
        try {
          const taken = await dependency.run((within) => store.take(callId, within), signal);
          calls.set(callId, keptOf(taken.epoch, taken.stored, clock.now()));
          return taken;
        } catch (thrown) {
          if (!isAway(thrown)) throw thrown;
          log.warn({ callId, reason: toFault(thrown).reason }, 'the store is away; a call is taken from memory');
        }
      }
      return takeFromMemory(callId, kept);
    },

    async commit(callId, epoch, commit, signal) {
      const kept = merge(callId, epoch, commit);
      if (!kept) return 'fenced';
      if (kept.isBehind) return keepBehind(kept, commit);
      try {
        const outcome = await dependency.run((within) => store.commit(callId, epoch, commit, within), signal);
        // A store that lost what it had refuses as well: only a restore tells whether somebody else holds the call.
        if (outcome === 'fenced') return await restore(callId, withFacts(kept, commit), signal);
        dropIfOver(callId, kept);
        return outcome;
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
        return keepBehind(kept, commit);
      }
    },

    async load(callId, signal) {
      const kept = calls.get(callId);
      if (kept?.isBehind) return storedOf(kept);
      try {
        return await dependency.run((within) => store.load(callId, within), signal);
      } catch (thrown) {
        if (!isAway(thrown) || !kept) throw thrown;
        return storedOf(kept);
      }
    },

    async list(signal) {
      return dependency.run((within) => store.list(within), signal);
    },

    async remove(callId, signal) {
      await dependency.run((within) => store.remove(callId, within), signal);
      calls.delete(callId);
    },

    async enqueue(facts, signal) {
      try {
        await dependency.run((within) => store.enqueue(facts, within), signal);
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
        loose = [...loose, ...facts];
      }
    },

    pendingFacts: (limit, signal) => dependency.run((within) => store.pendingFacts(limit, within), signal),
    forgetFacts: (positions, signal) => dependency.run((within) => store.forgetFacts(positions, within), signal),

    forget(callId, epoch) {
      const kept = calls.get(callId);
      if (kept && kept.epoch < epoch) calls.delete(callId);
    },

    async close() {
      for (const stop of stops) stop();
      await catchUp();
      lifetime.abort();
      const behind = [...calls.values()].filter(({ isBehind }) => isBehind).length;
      if (behind > 0) log.error({ calls: behind }, 'calls could not be written before the process stopped');
    },
  };

  function takeFromMemory(callId: CallId, before: Kept | undefined) {
    const kept = before ?? keptOf(0, undefined, clock.now());
    kept.epoch += 1;
    kept.isTaken = true;
    kept.isBehind = true;
    kept.version += 1;
    calls.set(callId, kept);
    return { epoch: kept.epoch, stored: storedOf(kept) };
  }

  /** What is committed is known here first; undefined when a newer session of this process holds the call. */
  function merge(callId: CallId, epoch: number, { head, appended }: Commit): Kept | undefined {
    const kept = calls.get(callId) ?? keptOf(epoch, undefined, clock.now());
    if (kept.epoch > epoch) return undefined;
    calls.set(callId, kept);
    kept.head = head;
    for (const utterance of appended) kept.utterances.set(utterance.index, utterance);
    kept.version += 1;
    kept.changedAt = clock.now();
    return kept;
  }

  function dropIfOver(callId: CallId, kept: Kept): void {
    if (kept.head?.phase.kind === 'over' && calls.get(callId) === kept) calls.delete(callId);
  }

  async function restore(callId: CallId, kept: Kept, signal: AbortSignal): Promise<'committed' | 'fenced'> {
    const { epoch, head, facts, version, isTaken } = kept;
    if (!head) return 'committed';
    const commit = { head, appended: [...kept.utterances.values()], facts };
    const outcome = await dependency.run((within) => store.restore(callId, epoch, commit, isTaken, within), signal);
    if (outcome === 'fenced') {
      if (calls.get(callId) === kept) calls.delete(callId);
      return 'fenced';
    }
    kept.facts = kept.facts.slice(facts.length);
    kept.isTaken = false;
    kept.isBehind = kept.version !== version;
    if (!kept.isBehind) dropIfOver(callId, kept);
    return 'committed';
  }

  /** Writes what is behind, if the store can be reached. One at a time; never rejects. */
  function catchUp(): Promise<void> {
    catchingUp ??= writeBehind()
      .catch(() => undefined) // still away: the next look tries again
      .finally(() => {
        catchingUp = undefined;
      });
    return catchingUp;
  }

  async function writeBehind(): Promise<void> {
    if (loose.length > 0) {
      const facts = loose;
      await dependency.run((within) => store.enqueue(facts, within), lifetime.signal);
      loose = loose.slice(facts.length);
    }
    const behind = [...calls].filter(([, { isBehind, head }]) => isBehind && head);
    while (behind.length > 0) {
      await Promise.all(
        behind.splice(0, AT_ONCE).map(async ([callId, kept]) => {
          if ((await restore(callId, kept, lifetime.signal)) === 'fenced') onFenced(callId);
        }),
      );
    }
  }

  function prune(): void {
    const oldest = clock.now() - CALL_TTL_MS;
    for (const [callId, { isBehind, changedAt }] of calls) if (!isBehind && changedAt < oldest) calls.delete(callId);
  }
}

function keptOf(epoch: number, stored: StoredCall | undefined, changedAt: number): Kept {
  return {
    epoch,
    head: stored?.head,
    utterances: new Map(stored?.utterances.map((utterance) => [utterance.index, utterance])),
    facts: [],
    isBehind: false,
    isTaken: false,
    version: 0,
    changedAt,
  };
}

function keepBehind(kept: Kept, commit: Commit): 'kept' {
  kept.isBehind = true;
  // Facts of a commit that was refused are there already; sent twice, they are stored once.
  withFacts(kept, commit);
  return 'kept';
}

function withFacts(kept: Kept, { facts }: Commit): Kept {
  const known = new Set(kept.facts.map(({ epoch, seq }) => `${epoch} ${seq}`));
  kept.facts = [...kept.facts, ...facts.filter(({ epoch, seq }) => !known.has(`${epoch} ${seq}`))];
  return kept;
}

function storedOf({ head, utterances }: Kept): StoredCall | undefined {
  return head && { head, utterances: [...utterances.values()] };
}

import type { CallId } from '../call/call.ts';
import type { CallEvent } from '../call/events.ts';
import { CALL_TTL_MS } from '../call/live-call.ts';
import type { CallStore, Commit, SharedCallStore, TakenCall } from '../ports/call-store.ts';
import { type Dependency, isAway } from '../resilience/dependency.ts';
import type { Clock } from '../std/clock.ts';
import { toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { untilAborted } from '../std/signals.ts';
import { type KeptCall, keepFacts, keptOf, merge, storedOf } from './kept-call.ts';

export interface KeptCallStore extends CallStore {
  /**
   * The call was taken under this epoch: what is kept of an older one is out of date.
   *
   * @returns whether it is held elsewhere, as far as is known here
   */
  forget(callId: CallId, epoch: number): boolean;
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

/** Written within seconds of the store's return, however many calls there are. */
const LOOK_EVERY_MS = 250;
const CALLS_AT_ONCE = 16;
const FACTS_AT_ONCE = 500;
/** Facts outside of any session, about 20 MB; those beyond it are refused, as they are without this store. */
const LOOSE_AT_MOST = 100_000;
const PRUNE_EVERY_MS = 60_000;

/**
 * A call store that goes on while the shared one is away: every call that this process serves is kept in its memory
 * too. A commit that cannot be written within the dependency's deadline is `kept`, a call that cannot be taken is taken
 * from memory; both are written when the store is back. Nothing waits longer than the deadline.
 *
 * A write whose answer was lost is repeated: its facts may be in the outbox twice, under the same places.
 */
export function keepCalls({ store, dependency, onFenced, clock, log }: KeptCallStoreOptions): KeptCallStore {
  const lifetime = new AbortController();
  const calls = new Map<CallId, KeptCall>();
  const loose: CallEvent[] = [];
  let catchingUp: Promise<void> | undefined;
  const stops = [clock.every(LOOK_EVERY_MS, () => void catchUp()), clock.every(PRUNE_EVERY_MS, prune)];

  return {
    async take(callId, signal) {
      const before = calls.get(callId);
      try {
        const taken = await dependency.run(async (within) => {
          await writeFirst(callId, within);
          return store.take(callId, within);
        }, signal);
        const known = calls.get(callId);
        if (known && known.epoch >= taken.epoch) {
          // Epochs never go back. The store has lost the call, or this process counted on while nothing was committed.
          return takeFromMemory(callId, known.head ? known : keptOf(known.epoch, taken.stored, clock.now()));
        }
        calls.set(callId, keptOf(taken.epoch, taken.stored, clock.now()));
        return taken;
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
        log.warn({ callId, reason: toFault(thrown).reason }, 'the store is away; a call is taken from memory');
        // Ours may have been taken all the same, and been heard of: then it is forgotten by now.
        return takeFromMemory(callId, calls.get(callId) ?? before);
      }
    },

    async commit(callId, epoch, commit, signal) {
      const kept = keptFor(callId, epoch);
      if (!kept) return 'fenced';
      merge(kept, commit, clock.now());
      if (kept.isBehind) return keepBehind(kept, commit);
      try {
        return await dependency.run(async (within) => {
          const outcome = await store.commit(callId, epoch, commit, within);
          within.throwIfAborted();
          if (outcome === 'fenced') return restoreOrYield(callId, kept, commit, within);
          dropIfOver(callId, kept);
          return outcome;
        }, signal);
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
        return keepBehind(kept, commit);
      }
    },

    async load(callId, signal) {
      const kept = calls.get(callId);
      if (kept?.isBehind && kept.head) return storedOf(kept);
      try {
        return await dependency.run((within) => store.load(callId, within), signal);
      } catch (thrown) {
        if (!isAway(thrown) || !kept) throw thrown;
        return storedOf(kept);
      }
    },

    async remove(callId, signal) {
      await dependency.run(async (within) => {
        // Its facts outlive it.
        await writeFirst(callId, within);
        const kept = calls.get(callId);
        await store.remove(callId, within);
        if (kept) drop(callId, kept);
      }, signal);
    },

    async enqueue(facts, signal) {
      const hasRoom = loose.length + facts.length <= LOOSE_AT_MOST;
      try {
        // Those before them still wait here: their order is kept.
        if (loose.length === 0 || !hasRoom)
          return await dependency.run((within) => store.enqueue(facts, within), signal);
      } catch (thrown) {
        if (!isAway(thrown) || !hasRoom) throw thrown;
      }
      loose.push(...facts);
    },

    // No caller waits for these, and they may bring much: they have the store's own time.
    list: (signal) => store.list(signal),
    pendingFacts: (limit, signal) => store.pendingFacts(limit, signal),
    forgetFacts: (positions, signal) => store.forgetFacts(positions, signal),

    forget(callId, epoch) {
      const kept = calls.get(callId);
      if (kept && kept.epoch >= epoch) return false;
      calls.delete(callId);
      return true;
    },

    async close() {
      for (const stop of stops) stop();
      await catchingUp;
      await catchUp();
      lifetime.abort();
      const behind = [...calls.values()].filter(({ isBehind, head }) => isBehind && head).length;
      if (behind + loose.length === 0) return;
      log.error({ calls: behind, facts: loose.length }, 'calls could not be written before the process stopped');
    },
  };

  function takeFromMemory(callId: CallId, before: KeptCall | undefined): TakenCall {
    const kept = before ?? keptOf(0, undefined, clock.now());
    kept.epoch += 1;
    kept.countedBy = 'memory';
    kept.isBehind = true;
    kept.version += 1;
    kept.changedAt = clock.now();
    calls.set(callId, kept);
    return { epoch: kept.epoch, stored: storedOf(kept) };
  }

  /** Where a commit under this epoch is kept; undefined when a newer session of this process holds the call. */
  function keptFor(callId: CallId, epoch: number): KeptCall | undefined {
    const known = calls.get(callId);
    if (known && known.epoch > epoch) return undefined;
    if (known?.epoch === epoch) return known;
    const kept = keptOf(epoch, undefined, clock.now(), false);
    calls.set(callId, kept);
    return kept;
  }

  /** A store that lost what it had refuses as well: only a restore tells whether somebody else holds the call. */
  async function restoreOrYield(
    callId: CallId,
    kept: KeptCall,
    { facts }: Commit,
    signal: AbortSignal,
  ): Promise<'committed' | 'fenced'> {
    if (kept.isWhole) {
      keepFacts(kept, facts);
      return write(callId, kept, signal);
    }
    drop(callId, kept);
    return 'fenced';
  }

  function dropIfOver(callId: CallId, kept: KeptCall): void {
    if (kept.head?.phase.kind === 'over') drop(callId, kept);
  }

  function drop(callId: CallId, kept: KeptCall): void {
    if (calls.get(callId) === kept) calls.delete(callId);
  }

  /** Writes what is behind of a call before the store is asked for it. */
  async function writeFirst(callId: CallId, signal: AbortSignal): Promise<void> {
    for (let kept = calls.get(callId); kept?.isBehind && kept.head; kept = calls.get(callId)) {
      await writeOrDrop(callId, kept, signal);
      signal.throwIfAborted();
    }
  }

  /** A call that the store refuses, though it is there, would be refused for ever: it must not hold up the others. */
  async function writeOrDrop(callId: CallId, kept: KeptCall, signal: AbortSignal): Promise<void> {
    try {
      if ((await write(callId, kept, signal)) === 'fenced') onFenced(callId);
    } catch (thrown) {
      const fault = toFault(thrown);
      if (isAway(fault) || fault.kind === 'cancelled') throw thrown;
      log.error({ callId, reason: fault.reason }, 'a call kept here was refused by the store; it is forgotten');
      drop(callId, kept);
    }
  }

  /** Writes all of a call. One at a time for each, so that no fact is sent twice. */
  function write(callId: CallId, kept: KeptCall, signal: AbortSignal): Promise<'committed' | 'fenced'> {
    kept.writing ??= writeWhole(callId, kept, signal).finally(() => {
      kept.writing = undefined;
    });
    return kept.writing;
  }

  async function writeWhole(callId: CallId, kept: KeptCall, signal: AbortSignal): Promise<'committed' | 'fenced'> {
    const { epoch, head, utterances, facts, version, countedBy } = kept;
    if (!head) return 'committed';
    const whole = { head, appended: [...utterances.values()], facts };
    const outcome = await untilAborted(store.restore(callId, epoch, countedBy, whole, signal), signal);
    if (outcome === 'fenced') {
      log.warn({ callId, epoch, facts: facts.length }, 'a call kept here is held elsewhere; what was kept is dropped');
      drop(callId, kept);
      return 'fenced';
    }
    kept.facts = kept.facts.slice(facts.length);
    if (kept.epoch === epoch) kept.countedBy = 'store';
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
    const { state } = dependency.state();
    // It may come back with nothing: whatever is known here is written once more.
    if (state === 'open') for (const kept of calls.values()) if (kept.head) kept.isBehind = true;
    await writeLoose();
    const behind = [...calls].filter(([, { isBehind, head }]) => isBehind && head);
    while (behind.length > 0) {
      await Promise.all(
        behind
          .splice(0, CALLS_AT_ONCE)
          .map(([callId, kept]) => dependency.run((within) => writeOrDrop(callId, kept, within), lifetime.signal)),
      );
    }
  }

  async function writeLoose(): Promise<void> {
    while (loose.length > 0) {
      const facts = loose.slice(0, FACTS_AT_ONCE);
      try {
        await dependency.run((within) => store.enqueue(facts, within), lifetime.signal);
      } catch (thrown) {
        const fault = toFault(thrown);
        if (isAway(fault) || fault.kind === 'cancelled') throw thrown;
        log.error({ facts: facts.length, reason: fault.reason }, 'facts kept here were refused by the store');
      }
      loose.splice(0, facts.length);
    }
  }

  /** A call not heard of for so long does not come back; its facts are still news. */
  function prune(): void {
    const oldest = clock.now() - CALL_TTL_MS;
    for (const [callId, { facts, changedAt }] of calls) {
      if (changedAt >= oldest) continue;
      calls.delete(callId);
      if (loose.length + facts.length <= LOOSE_AT_MOST) loose.push(...facts);
      else log.error({ callId, facts: facts.length }, 'facts are lost: the store has been away for too long');
    }
  }
}

function keepBehind(kept: KeptCall, { facts }: Commit): 'kept' {
  kept.isBehind = true;
  keepFacts(kept, facts);
  return 'kept';
}

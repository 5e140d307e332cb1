import type { Call } from '../call/call.ts';
import { type CallEvent, type CallFact, stamp } from '../call/events.ts';
import type { CallInput, CommitTag } from '../call/inputs.ts';
import { headOf } from '../call/snapshot.ts';
import { changedUtterances, type Transcript } from '../call/transcript.ts';
import type { CallStore } from '../ports/call-store.ts';
import type { Clock } from '../std/clock.ts';
import { Fault, toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { untilAborted } from '../std/signals.ts';

/** What writing a call needs of the server. */
export interface WriterServices {
  readonly callStore: Pick<CallStore, 'commit'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Every fact, in the millisecond it is recorded. */
  readonly observe: (event: CallEvent) => void;
}

export type WriterInput =
  | Extract<CallInput, { kind: 'committed' }>
  /** A newer session holds the call: this one stops without another write. */
  | { readonly kind: 'fenced' };

/** Writes one call for one session: what a commit fails to write goes with the next. */
export interface CallWriter {
  /** Stamps a fact; the next commit takes it along. */
  record(fact: CallFact, call: Call): void;
  /**
   * Commits leave one after another, the first at once: an embedded store has written it when this returns. What the
   * machine waits for has a tag, confirmed as an input when it is stored or has failed.
   */
  commit(call: Call, tags: readonly CommitTag[]): void;
  /** Whether this session certainly holds the call: the store has taken its last commit, and has fenced none. */
  isHeld(): Promise<boolean>;
  /** From now on this session does not hold the call, and commits nothing. */
  fence(): void;
  isFenced(): boolean;
  /** Settles when every commit has been stored, refused or given up. */
  close(): Promise<void>;
}

/** A store that hangs must not keep the call from its next socket: Retell dials back within seconds. */
const LAST_COMMIT_WITHIN_MS = 2_000;

/** @param initial what the store has of the transcript */
export function createCallWriter(
  { callStore, clock, log, observe }: WriterServices,
  initial: Transcript,
  push: (input: WriterInput) => void,
): CallWriter {
  const lifetime = new AbortController();
  let unsent: CallEvent[] = [];
  let seq = 0;
  let stored = initial;
  let lastCommit: Promise<void> = Promise.resolve();
  let underWay = 0;
  let isFenced = false;
  /** The newest commit is stored where every process would see it. */
  let isStored = false;

  return {
    record(fact, call) {
      const event = stamp(fact, { callId: call.id, epoch: call.epoch, seq: seq++, at: clock.now() });
      observe(event);
      unsent.push(event);
    },
    commit(call, tags) {
      if (isFenced) return;
      const done = underWay === 0 ? store(call, tags) : lastCommit.then(() => store(call, tags));
      underWay += 1;
      lastCommit = done.finally(() => {
        underWay -= 1;
      });
    },
    async isHeld() {
      await lastCommit;
      return isStored && !isFenced;
    },
    fence() {
      isFenced = true;
    },
    isFenced: () => isFenced,
    async close() {
      const cancel = clock.after(LAST_COMMIT_WITHIN_MS, () => lifetime.abort(late()));
      await lastCommit;
      cancel();
    },
  };

  /** Writes what the store does not have yet. Never rejects. */
  async function store(call: Call, tags: readonly CommitTag[]): Promise<void> {
    const facts = unsent;
    unsent = [];
    const content = { head: headOf(call), appended: changedUtterances(stored, call.transcript), facts };
    try {
      const { signal } = lifetime;
      const outcome = await untilAborted(callStore.commit(call.id, call.epoch, content, signal), signal);
      isStored = outcome === 'committed';
      if (outcome === 'fenced') {
        isFenced = true;
        push({ kind: 'fenced' });
        return;
      }
      stored = call.transcript;
    } catch (thrown) {
      isStored = false;
      // The caller is answered all the same; all of it goes with the next commit, and the ledger guards the tools.
      log.error({ callId: call.id, reason: toFault(thrown).reason }, 'call could not be stored');
      unsent = [...facts, ...unsent];
    }
    for (const tag of tags) push({ kind: 'committed', at: clock.now(), tag });
  }
}

function late(): Fault {
  return new Fault('timeout', 'session.commit_late', `expected the last commit within ${LAST_COMMIT_WITHIN_MS} ms`);
}

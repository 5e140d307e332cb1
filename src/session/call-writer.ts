import type { Call } from '../call/call.ts';
import type { Effect } from '../call/effects.ts';
import { type CallEvent, type CallFact, stamp } from '../call/events.ts';
import type { CallInput } from '../call/inputs.ts';
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

export type CommitEffect = Extract<Effect, { kind: 'commit' }>;
/** What comes back to a session from where its call is written. */
export type WriterInput = CallInput | { readonly kind: 'fenced' };

/** Writes one call for one session: what a commit fails to write goes with the next. */
export interface CallWriter {
  /** Stamps a fact; the next commit takes it along. */
  record(fact: CallFact, call: Call): void;
  /**
   * Commits leave one after another, the first at once: an embedded store has written it when this returns. The
   * voice does not wait for them unless the machine said so with a tag.
   */
  commit(call: Call, asked: readonly CommitEffect[]): void;
  /** Whether this session certainly holds the call: the store has taken its last commit, and has fenced none. */
  isHeld(): Promise<boolean>;
  /** A newer session holds the call. */
  fence(): void;
  isFenced(): boolean;
  /** Settles when every commit has been stored, refused or given up. */
  close(): Promise<void>;
}

/** A store that hangs must not keep the call from its next socket: Retell dials back within seconds. */
const LAST_COMMIT_WITHIN_MS = 2_000;

/** @param stored what the store has of the transcript */
export function createCallWriter(
  { callStore, clock, log, observe }: WriterServices,
  stored: Transcript,
  push: (input: WriterInput) => void,
): CallWriter {
  const lifetime = new AbortController();
  let unsent: CallEvent[] = [];
  let seq = 0;
  let written = stored;
  let lastCommit: Promise<void> = Promise.resolve();
  let commits = 0;
  let isFenced = false;
  /** The newest commit has been written where every process would see it. */
  let isWritten = false;

  return {
    record(fact, call) {
      const event = stamp(fact, { callId: call.id, epoch: call.epoch, seq: seq++, at: clock.now() });
      observe(event);
      unsent.push(event);
    },
    commit(call, asked) {
      const done = commits === 0 ? store(call, asked) : lastCommit.then(() => store(call, asked));
      commits += 1;
      lastCommit = done.finally(() => {
        commits -= 1;
      });
    },
    async isHeld() {
      await lastCommit;
      return isWritten && !isFenced;
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
  async function store(call: Call, asked: readonly CommitEffect[]): Promise<void> {
    const facts = unsent;
    unsent = [];
    const content = { head: headOf(call), appended: changedUtterances(written, call.transcript), facts };
    try {
      const { signal } = lifetime;
      const outcome = await untilAborted(callStore.commit(call.id, call.epoch, content, signal), signal);
      isWritten = outcome === 'committed';
      if (outcome === 'fenced') {
        isFenced = true;
        push({ kind: 'fenced' });
        return;
      }
      written = call.transcript;
    } catch (thrown) {
      isWritten = false;
      // The caller is answered all the same; all of it goes with the next commit, and the ledger guards the tools.
      log.error({ callId: call.id, reason: toFault(thrown).reason }, 'call could not be stored');
      unsent = [...facts, ...unsent];
    }
    for (const { tag } of asked) if (tag) push({ kind: 'committed', at: clock.now(), tag });
  }
}

function late(): Fault {
  return new Fault('timeout', 'session.commit_late', `expected the last commit within ${LAST_COMMIT_WITHIN_MS} ms`);
}

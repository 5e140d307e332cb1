import { newCallId, sampleEvent, sampleHead } from '../../test/contracts/samples.ts';
import type { CallId, StoredCall } from '../call/call.ts';
import type { Commit, SharedCallStore, TakenCall } from '../ports/call-store.ts';
import { Fault } from '../std/fault.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { type Away, awayAtWill, DEADLINE_MS, redisOf } from './away.fixture.ts';
import { type KeptCallStore, type KeptCallStoreOptions, keepCalls } from './kept-call-store.ts';
import { type SharedCalls, sharedCalls } from './shared-calls.fixture.ts';

const signal = new AbortController().signal;
/** From the store's return until everything is written. */
export const WITHIN_MS = 2_000;

/** What became of work, and after how long. */
interface Timed<T> {
  readonly outcome: T | string;
  readonly afterMs: number;
}

/** A kept store over a shared one that can be away, and another process over the same. */
export interface KeptRig {
  readonly clock: ManualClock;
  readonly shared: SharedCalls;
  readonly away: Away<SharedCallStore>;
  readonly others: SharedCallStore;
  /** Replaces the kept store by one made otherwise. */
  use(options: Partial<KeptCallStoreOptions>): KeptCallStore;
  readonly kept: KeptCallStore;
  readonly fenced: readonly CallId[];
  readonly callId: CallId;
  timed<T>(work: Promise<T>): Promise<Timed<T>>;
  take(): Promise<TakenCall>;
  commit(lastAsk: number, epoch?: number, rest?: Partial<Commit>): Promise<string>;
  commitOf(lastAsk: number, rest?: Partial<Commit>): Commit;
  /** And time enough to write everything. */
  comeBack(): Promise<void>;
  /** Away for long enough to be left alone. */
  goAway(): Promise<void>;
  /** Of the facts in the outbox. */
  seqs(): Promise<readonly number[]>;
  stored(): Promise<StoredCall | undefined>;
}

export const words = (index: number, content = `word ${index}`) => ({ index, role: 'user', content }) as const;

export function keptRig(): KeptRig {
  const clock = new ManualClock();
  const shared = sharedCalls(clock);
  const away = awayAtWill(shared.seenBy('us'), clock);
  const others = shared.seenBy('them');
  const fenced: CallId[] = [];
  const onFenced = (id: CallId) => void fenced.push(id);
  const make = (options: Partial<KeptCallStoreOptions> = {}) =>
    keepCalls({ store: away.port, dependency: redisOf(clock), onFenced, clock, log: silentLog, ...options });
  const callId = newCallId();
  let kept = make();

  return {
    clock,
    shared,
    away,
    others,
    use(options) {
      kept = make(options);
      return kept;
    },
    get kept() {
      return kept;
    },
    fenced,
    callId,
    timed,
    async take() {
      const { outcome } = await timed(kept.take(callId, signal));
      if (typeof outcome === 'string') throw new Error(outcome);
      return outcome;
    },
    commit: async (lastAsk, epoch = 1, rest = {}) =>
      (await timed(kept.commit(callId, epoch, commitOf(lastAsk, rest), signal))).outcome,
    commitOf,
    async comeBack() {
      await away.comeBack();
      await clock.advance(WITHIN_MS);
    },
    async goAway() {
      away.mode = 'gone';
      for (let i = 0; i < 5; i++) await timed(kept.load(newCallId(), signal));
    },
    seqs: async () => (await others.pendingFacts(1_000, signal)).map(({ event }) => event.seq),
    stored: () => others.load(callId, signal),
  };

  function commitOf(lastAsk: number, rest: Partial<Commit> = {}): Commit {
    const facts = [sampleEvent(callId, lastAsk)];
    return { head: sampleHead(lastAsk), appended: [words(lastAsk)], facts, ...rest };
  }

  async function timed<T>(work: Promise<T>): Promise<Timed<T>> {
    const from = clock.now();
    const timing = work
      .catch((thrown: unknown) => (thrown instanceof Fault ? thrown.reason : String(thrown)))
      .then((outcome) => ({ outcome, afterMs: clock.now() - from }));
    await clock.advance(DEADLINE_MS * 3);
    return timing;
  }
}

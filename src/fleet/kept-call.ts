import type { CallHead, StoredCall } from '../call/call.ts';
import type { CallEvent } from '../call/events.ts';
import type { PlacedUtterance } from '../call/transcript.ts';
import type { Commit, EpochSource } from '../ports/call-store.ts';

/** A call as this process last knew it. */
export interface KeptCall {
  epoch: number;
  /** Absent until something was committed. */
  head: CallHead | undefined;
  readonly utterances: Map<number, PlacedUtterance>;
  /** Facts that the store does not have, in order. */
  facts: readonly CallEvent[];
  /** The store does not have all of it, or may have lost it. */
  isBehind: boolean;
  countedBy: EpochSource;
  /** It was taken here, so all of it is known. */
  readonly isWhole: boolean;
  /** Counts up at each change: what changed while it was written is still behind. */
  version: number;
  changedAt: number;
  /** While it is being written whole. */
  writing?: Promise<'committed' | 'fenced'> | undefined;
}

export function keptOf(epoch: number, stored: StoredCall | undefined, changedAt: number, isWhole = true): KeptCall {
  return {
    epoch,
    head: stored?.head,
    utterances: new Map(stored?.utterances.map((utterance) => [utterance.index, utterance])),
    facts: [],
    isBehind: false,
    countedBy: 'store',
    isWhole,
    version: 0,
    changedAt,
  };
}

/** Brings a kept call to what was committed of it; its facts are kept apart, see `keepFacts`. */
export function merge(kept: KeptCall, { head, appended }: Commit, changedAt: number): void {
  kept.head = head;
  for (const utterance of appended) kept.utterances.set(utterance.index, utterance);
  kept.version += 1;
  kept.changedAt = changedAt;
}

/** Keeps facts that the store may not have, each once. */
export function keepFacts(kept: KeptCall, facts: readonly CallEvent[]): void {
  const placeOf = ({ epoch, seq }: CallEvent) => `${epoch} ${seq}`;
  const known = new Set(kept.facts.map(placeOf));
  kept.facts = [...kept.facts, ...facts.filter((fact) => !known.has(placeOf(fact)))];
}

/** All of it, as a store would give it back. */
export function storedOf({ head, utterances }: KeptCall): StoredCall | undefined {
  return head && { head, utterances: [...utterances.values()].sort((a, b) => a.index - b.index) };
}

import type { CallEvent } from '../../src/call/events.ts';
import type { CallResult } from '../../src/simulator/run/call-result.ts';
import type { Effect } from './fleet.ts';

/** What a run of a fleet left behind, all of it: see `checkHistory`. */
export interface History {
  /** Calls at once. */
  readonly limit: number;
  /** What each caller lived through. */
  readonly calls: readonly HistoryCall[];
  /** What tools did to the world. */
  readonly effects: readonly Effect[];
  /** Facts in the order in which they left the calls' outbox. */
  readonly published: readonly CallEvent[];
  /** Facts as the archive has them, and calls that it has a report of. */
  readonly archived: readonly CallEvent[];
  readonly reported: ReadonlySet<string>;
  /** How many slots the fleet said were taken, in the order of time. */
  readonly slots: readonly SlotSample[];
}

export type HistoryCall = Pick<CallResult, 'callId' | 'kind' | 'sockets' | 'openedAt' | 'overAt'> & {
  readonly turns: readonly Pick<CallResult['turns'][number], 'responseId' | 'outcome'>[];
};

export interface SlotSample {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly active: number;
}

/** Every rule a history is held to, as what breaking it means. */
export const HISTORY_RULES = {
  'ask.ended_twice': 'an ask has two ends: two processes answered it',
  'ask.unrecorded': 'an answer was heard of which nothing was kept',
  'call.started_twice': 'a call began twice: somebody was greeted anew',
  'call.never_started': 'a call was answered of which nobody kept the beginning',
  'call.ended_twice': 'a call has two ends',
  'call.never_ended': 'a call has no end',
  'epoch.went_back': 'an older holder of a call wrote after a newer one',
  'facts.out_of_order': 'the facts of a call left in another order than they were recorded in',
  'facts.lost': 'a fact left the outbox and never reached the archive',
  'effect.twice': 'a tool that acts once acted twice',
  'capacity.exceeded': 'more callers were answered at once than there are slots',
  'slots.exceeded': 'more slots were taken than there are',
  'slots.leaked': 'a slot was still taken long after the last call had ended',
  'report.missing': 'a call is not in the archive',
} as const;

export interface Violation {
  readonly rule: keyof typeof HISTORY_RULES;
  readonly callId?: string;
  readonly detail: string;
}

/** A killed process's slots are free after this long; G-13. */
const FREE_WITHIN_MS = 15_000;

/** What a history does against the rules; empty when nothing. Pure, and after the fact: it asks nobody. */
export function checkHistory(history: History): readonly Violation[] {
  const { calls } = history;
  const archived = Map.groupBy(history.archived, ({ callId }): string => callId);
  const published = Map.groupBy(history.published, ({ callId }) => callId);
  return [
    ...calls.flatMap((call) => checkCall(call, archived.get(call.callId) ?? [])),
    ...[...published.values()].flatMap(checkOrder),
    ...checkArchive(history),
    ...checkEffects(history),
    ...checkCapacity(history),
    ...checkSlots(history),
  ];
}

function checkCall(call: HistoryCall, facts: readonly CallEvent[]): readonly Violation[] {
  if (call.kind !== 'admitted') return [];
  const { callId } = call;
  const count = (type: CallEvent['type']) => facts.filter((fact) => fact.type === type).length;
  const [started, ended] = [count('call.started'), count('call.ended')];
  const found: Violation[] = [];
  if (started > 1) found.push({ rule: 'call.started_twice', callId, detail: `${started} times` });
  if (started === 0) found.push({ rule: 'call.never_started', callId, detail: `${facts.length} facts of it` });
  if (ended > 1) found.push({ rule: 'call.ended_twice', callId, detail: `${ended} times` });
  if (ended === 0) found.push({ rule: 'call.never_ended', callId, detail: `${facts.length} facts of it` });
  return [...found, ...checkAsks(call, facts)];
}

/**
 * Each ask has one end. A process that is killed takes the words with it that tell of an answer it had just given:
 * one a lost socket.
 */
function checkAsks({ callId, turns, sockets }: HistoryCall, facts: readonly CallEvent[]): readonly Violation[] {
  const ends = Map.groupBy(
    facts.flatMap((fact) => (fact.type === 'call.turn' ? [fact] : [])),
    ({ responseId }) => responseId,
  );
  const twice = [...ends].filter(([, all]) => all.length > 1);
  const answered = turns.flatMap(({ responseId, outcome }) => (outcome === 'answered' ? [responseId] : []));
  const unrecorded = answered.filter((responseId) => !ends.has(responseId));
  return [
    ...twice.map(([responseId, all]): Violation => {
      const detail = `id ${responseId}: ${all.map(({ outcome, epoch }) => `${outcome} in epoch ${epoch}`).join(', ')}`;
      return { rule: 'ask.ended_twice', callId, detail };
    }),
    ...(unrecorded.length > sockets - 1
      ? [{ rule: 'ask.unrecorded' as const, callId, detail: `ids ${unrecorded.join(', ')}, over ${sockets} sockets` }]
      : []),
  ];
}

/** Of one call: whoever holds it later writes later. Facts born outside of any session have no place in this. */
function checkOrder(facts: readonly CallEvent[]): readonly Violation[] {
  const found: Violation[] = [];
  let newest: CallEvent | undefined;
  for (const fact of facts) {
    if (fact.epoch === 0) continue;
    const { callId, epoch, seq, type } = fact;
    const detail = newest && `${type} ${epoch}:${seq} came after ${newest.type} ${newest.epoch}:${newest.seq}`;
    if (newest && detail && epoch < newest.epoch) found.push({ rule: 'epoch.went_back', callId, detail });
    else if (newest && detail && epoch === newest.epoch && seq <= newest.seq) {
      found.push({ rule: 'facts.out_of_order', callId, detail });
    } else newest = fact;
  }
  return found;
}

function checkArchive({ calls, published, archived, reported }: History): readonly Violation[] {
  const placeOf = ({ callId, epoch, seq }: CallEvent) => `${callId} ${epoch} ${seq}`;
  const kept = new Set(archived.map(placeOf));
  return [
    ...published
      .filter((fact) => !kept.has(placeOf(fact)))
      .map(({ callId, type, epoch, seq }) => ({
        rule: 'facts.lost' as const,
        callId,
        detail: `${type} ${epoch}:${seq}`,
      })),
    ...calls
      .filter(({ kind, callId }) => kind !== 'unreached' && !reported.has(callId))
      .map(({ callId }) => ({ rule: 'report.missing' as const, callId, detail: 'no report' })),
  ];
}

function checkEffects({ effects }: History): readonly Violation[] {
  const byKey = Map.groupBy(effects, ({ callId, key }) => `${callId} ${key}`);
  return [...byKey.values()].flatMap((same) => {
    const [first] = same;
    if (!first || same.length === 1) return [];
    const times = same.map(({ at, pid }) => `pid ${pid} after ${at - first.at} ms`).join(', ');
    return [{ rule: 'effect.twice' as const, callId: first.callId, detail: `${first.key}: ${times}` }];
  });
}

/** By the callers' own count: whoever is answered holds the line until it is over. */
function checkCapacity({ calls, limit }: History): readonly Violation[] {
  const moves = calls.flatMap(({ kind, openedAt, overAt }) => {
    if (kind !== 'admitted' || openedAt === undefined || overAt === undefined) return [];
    return [
      { at: openedAt, by: 1 },
      { at: overAt, by: -1 },
    ];
  });
  let [open, most] = [0, 0];
  for (const { by } of moves.sort((a, b) => a.at - b.at || a.by - b.by)) {
    open += by;
    most = Math.max(most, open);
  }
  return most > limit ? [{ rule: 'capacity.exceeded', detail: `${most} at once, with ${limit} slots` }] : [];
}

function checkSlots({ slots, limit, calls }: History): readonly Violation[] {
  const most = Math.max(0, ...slots.map(({ active }) => active));
  const lastOverAt = Math.max(0, ...calls.map(({ overAt = 0 }) => overAt));
  const late = slots.find(({ at, active }) => at > lastOverAt + FREE_WITHIN_MS && active > 0);
  const isFreed = slots.at(-1)?.active === 0;
  return [
    ...(most > limit ? [{ rule: 'slots.exceeded' as const, detail: `${most} of ${limit}` }] : []),
    ...(late || !isFreed
      ? [
          {
            rule: 'slots.leaked' as const,
            detail: `${late?.active ?? slots.at(-1)?.active ?? 'an unknown number'} left`,
          },
        ]
      : []),
  ];
}

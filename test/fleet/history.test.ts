import { describe, expect, it } from 'vitest';
import { parseCallId } from '../../src/call/call.ts';
import { type CallEvent, type CallFact, stamp } from '../../src/call/events.ts';
import { sampleTurn } from '../contracts/samples.ts';
import { checkHistory, type History, type HistoryCall } from './history.ts';

const callId = parseCallId('sim_0001_1') ?? expect.fail('expected a call id');
const other = parseCallId('sim_0001_2') ?? expect.fail('expected a call id');

const fact = (epoch: number, seq: number, what: CallFact, of = callId): CallEvent =>
  stamp(what, { callId: of, epoch, seq, at: 1_000 + seq });
const started = (epoch = 1, seq = 0, of = callId) =>
  fact(epoch, seq, { type: 'call.started', agent: 'desk', agentVersion: '1', isProven: true }, of);
const turn = (responseId: number, epoch: number, seq: number) => fact(epoch, seq, sampleTurn(responseId));
const resumed = (epoch: number, seq = 0) => fact(epoch, seq, { type: 'call.resumed', openTurn: false });
const ended = (epoch: number, seq: number, of = callId) =>
  fact(epoch, seq, { type: 'call.ended', reason: 'user_hangup' }, of);
const refused = fact(0, 1, { type: 'call.refused', action: 'transfer' }, other);

const played = (changes: Partial<HistoryCall> = {}): HistoryCall => ({
  callId,
  kind: 'admitted',
  sockets: 2,
  openedAt: 1_000,
  overAt: 9_000,
  turns: [
    { responseId: 1, outcome: 'answered' },
    { responseId: 2, outcome: 'superseded' },
  ],
  ...changes,
});

/** A call that was killed once and ended well, and one that was refused. */
const GOOD: History = {
  limit: 1,
  calls: [played(), played({ callId: other, kind: 'refused', sockets: 1, turns: [] })],
  effects: [{ callId, key: 'book 19:30', at: 2_000, pid: 7 }],
  published: [started(), turn(1, 1, 1), refused, resumed(2), turn(2, 2, 1), ended(2, 2)],
  archived: [started(), turn(1, 1, 1), refused, resumed(2), turn(2, 2, 1), ended(2, 2)],
  reported: new Set([callId, other]),
  slots: [
    { at: 2_000, active: 1 },
    { at: 12_000, active: 0 },
  ],
};

const rulesOf = (changes: Partial<History>) => checkHistory({ ...GOOD, ...changes }).map(({ rule }) => rule);
/** The same facts in the outbox and in the archive. */
const withFacts = (...facts: readonly CallEvent[]) => ({ published: facts, archived: facts });

describe('a history', () => {
  it('in which a call moved once and another was refused is a good one', () => {
    expect(checkHistory(GOOD)).toEqual([]);
  });

  it('may lack the end of an answer for each lost socket, and no more', () => {
    const killed = withFacts(started(), resumed(2), ended(2, 1), refused);
    expect(rulesOf(killed)).toEqual([]);
    expect(rulesOf({ ...killed, calls: [played({ sockets: 1 })] })).toEqual(['ask.unrecorded']);
  });

  it('has one end for each ask, whoever answered', () => {
    expect(rulesOf(withFacts(started(), turn(1, 1, 1), resumed(2), turn(1, 2, 1), ended(2, 2), refused))).toEqual([
      'ask.ended_twice',
    ]);
  });

  it('has one beginning and one end of each call', () => {
    const twice = withFacts(started(), turn(1, 1, 1), started(2), ended(2, 1), ended(3, 0), refused);
    expect(rulesOf(twice)).toEqual(['call.started_twice', 'call.ended_twice']);
    expect(rulesOf(withFacts(turn(1, 1, 1), refused))).toEqual(['call.never_started', 'call.never_ended']);
  });

  it('has no word of an older holder after one of a newer', () => {
    expect(rulesOf(withFacts(started(), resumed(2), turn(1, 1, 1), ended(2, 2), refused))).toEqual(['epoch.went_back']);
  });

  it('keeps the order of a holder’s facts, and mixes calls at will', () => {
    expect(rulesOf(withFacts(started(), ended(1, 2), refused, turn(1, 1, 1)))).toEqual(['facts.out_of_order']);
    const mixed = withFacts(started(), started(1, 0, other), turn(1, 1, 1), ended(1, 1, other), ended(1, 2));
    expect(rulesOf(mixed)).toEqual([]);
  });

  it('archives all that left, and every call', () => {
    expect(rulesOf({ archived: GOOD.archived.filter((one) => one !== refused) })).toEqual(['facts.lost']);
    expect(rulesOf({ reported: new Set([callId]) })).toEqual(['report.missing']);
  });

  it('has each effect of a call once', () => {
    const [first] = GOOD.effects;
    if (!first) throw new Error('expected an effect');
    expect(rulesOf({ effects: [first, { ...first, callId: other }, { ...first, key: 'book 20:00' }] })).toEqual([]);
    expect(rulesOf({ effects: [first, { ...first, at: 5_000, pid: 8 }] })).toEqual(['effect.twice']);
  });

  it('never has more callers than slots, by their own count', () => {
    const second = played({ callId: other, openedAt: 8_999, sockets: 1, turns: [] });
    const facts = withFacts(...GOOD.archived, started(1, 0, other), ended(1, 1, other));
    expect(rulesOf({ ...facts, calls: [played(), second] })).toEqual(['capacity.exceeded']);
    expect(rulesOf({ ...facts, calls: [played(), { ...second, openedAt: 9_000 }] })).toEqual([]);
  });

  it('never has more slots taken than there are, nor long after the last call', () => {
    expect(rulesOf({ slots: [{ at: 2_000, active: 2 }, ...GOOD.slots] })).toEqual(['slots.exceeded']);
    expect(rulesOf({ slots: [{ at: 24_100, active: 1 }, ...GOOD.slots] })).toEqual(['slots.leaked']);
    expect(rulesOf({ slots: [{ at: 12_000, active: 1 }] })).toEqual(['slots.leaked']);
  });
});

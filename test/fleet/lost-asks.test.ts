import { expect, it } from 'vitest';
import { parseCallId } from '../../src/call/call.ts';
import { type CallFact, stamp } from '../../src/call/events.ts';
import type { CallResult } from '../../src/simulator/run/call-result.ts';
import { sampleTurn } from '../contracts/samples.ts';
import { lostAsksOf } from './lost-asks.ts';

const callId = parseCallId('sim_0001_1') ?? expect.fail('expected a call id');
const resumed = (openTurn: boolean): CallFact => ({ type: 'call.resumed', openTurn });
/** Asks lost of a call whose third was never answered, by what was recorded. */
function lost(...facts: readonly CallFact[]): readonly number[] {
  const turn = { ask: 'response', hadFiller: false, isApology: false, deadAirMs: 0 } as const;
  const call: CallResult = {
    callId,
    kind: 'admitted',
    reason: 'user_hangup',
    breaches: [],
    sockets: 2,
    slowestPongMs: 0,
    toolCalls: 0,
    webhooks: [],
    turns: [
      { ...turn, responseId: 2, outcome: 'answered', isResumed: false },
      { ...turn, responseId: 3, outcome: 'superseded', isResumed: true },
      { ...turn, responseId: 4, outcome: 'superseded', isResumed: false },
    ],
  };
  return [
    ...lostAsksOf(
      call,
      facts.map((fact, seq) => stamp(fact, { callId, epoch: 1, seq, at: seq })),
    ),
  ];
}

it('takes an ask for lost of which nobody knew when the call was taken again', () => {
  expect(lost(sampleTurn(2), resumed(false), sampleTurn(4))).toEqual([3]);
  expect(lost(sampleTurn(2), resumed(false))).toEqual([3]);
});

it('takes it for lost, too, when the one before it was still open', () => {
  expect(lost(resumed(true), sampleTurn(2), sampleTurn(4))).toEqual([3]);
});

it('knows that somebody knew of an ask that was open, or has an end', () => {
  expect(lost(sampleTurn(2), resumed(true), sampleTurn(4))).toEqual([]);
  expect(lost(sampleTurn(2), resumed(true))).toEqual([]);
  expect(lost(sampleTurn(2), resumed(false), sampleTurn(3), sampleTurn(4))).toEqual([]);
});

import { describe, expect, it } from 'vitest';
import { parseCallId } from '../call/call.ts';
import type { CallEvent, CallFact } from '../call/events.ts';
import { createMeter } from './meter.ts';

const callId = parseCallId('call_1_aaaa');

function event(fact: CallFact): CallEvent {
  if (!callId) throw new Error('bad id');
  return { ...fact, v: 1, callId, epoch: 1, seq: 0, at: 0 };
}

function turn(given: Partial<Extract<CallFact, { type: 'call.turn' }>>): CallEvent {
  const plain = { type: 'call.turn', responseId: 1, ask: 'response', outcome: 'answered' } as const;
  return event({ ...plain, fillers: 0, attempts: 1, tools: 0, budgetMs: 800, ...given });
}

describe('the meter', () => {
  it('knows nothing before there is a turn', () => {
    expect(createMeter().figures()).toMatchObject({
      turns: 0,
      firstSentenceMs: { p50: undefined, p99: undefined },
      slowShare: 0,
      deadAir: { count: 0, worstMs: 0 },
    });
  });

  it('gives exact percentiles', () => {
    const meter = createMeter();
    for (let ms = 1; ms <= 100; ms++) meter.observe(turn({ firstSentenceMs: ms, answerMs: ms * 2 }));
    const { firstSentenceMs, answerMs } = meter.figures();
    expect(firstSentenceMs).toEqual({ p50: 50, p99: 99 });
    expect(answerMs).toEqual({ p50: 100, p99: 198 });
  });

  it('counts slow by the budget, and over 500 ms apart', () => {
    const meter = createMeter();
    for (const answerMs of [100, 501, 800, 801]) meter.observe(turn({ firstSentenceMs: 100, answerMs }));
    expect(meter.figures()).toMatchObject({ slowShare: 0.25, over500Share: 0.75 });
  });

  it('counts fillers among spoken turns and fallbacks among those owed an answer', () => {
    const meter = createMeter();
    meter.observe(turn({ firstSentenceMs: 700, fillers: 1, answerMs: 6_000, outcome: 'fallback' }));
    meter.observe(turn({ firstSentenceMs: 100, answerMs: 100 }));
    meter.observe(turn({ outcome: 'superseded' }));
    expect(meter.figures()).toMatchObject({ turns: 3, fillerShare: 0.5, fallbackShare: 0.5 });
  });

  it('counts dead air from one second on, and keeps the worst', () => {
    const meter = createMeter();
    for (const firstSentenceMs of [1_000, 1_200, 1_050]) meter.observe(turn({ firstSentenceMs }));
    expect(meter.figures().deadAir).toEqual({ count: 2, worstMs: 200 });
  });

  it('counts refusals', () => {
    const meter = createMeter();
    meter.observe(event({ type: 'call.refused', action: 'end' }));
    expect(meter.figures()).toMatchObject({ refused: 1, callbacks: 0 });
  });

  it('counts the refused who wait for a call back', () => {
    const meter = createMeter();
    for (const action of ['callback', 'transfer', 'callback'] as const)
      meter.observe(event({ type: 'call.refused', action }));
    expect(meter.figures()).toMatchObject({ refused: 3, callbacks: 2 });
  });

  it('forgets the oldest turns beyond its window', () => {
    const meter = createMeter(10);
    for (let ms = 1; ms <= 1_000; ms++) meter.observe(turn({ firstSentenceMs: ms, answerMs: ms }));
    expect(meter.figures()).toMatchObject({ turns: 10, answerMs: { p50: 995, p99: 1_000 } });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newCallId, sampleEvent, sampleHead, sampleReport, sampleTurn } from '../../test/contracts/samples.ts';
import type { CallEvent } from './events.ts';
import { buildReport, countTurns } from './report.ts';

describe('a report', () => {
  const callId = newCallId();
  const stored = { head: sampleHead(2), utterances: [{ index: 0, role: 'user', content: 'hello' }] } as const;
  const started = sampleEvent(callId, 0, {
    type: 'call.started',
    agent: 'front-desk',
    agentVersion: '1',
    isProven: true,
  });
  const ended = sampleEvent(callId, 8, { type: 'call.ended', reason: 'hung_up' });
  const reported = sampleEvent(
    callId,
    0,
    { type: 'call.reported', disconnectionReason: 'user_hangup', durationMs: 90_000 },
    0,
  );
  const nothing = { stored: undefined, facts: [], before: undefined };

  it('does not depend on the order of its facts', () => {
    const facts: readonly CallEvent[] = [
      started,
      sampleEvent(callId, 1, sampleTurn(1)),
      sampleEvent(callId, 2, { type: 'call.tool', name: 'check', outcome: 'done' }),
      sampleEvent(callId, 0, { type: 'call.tool', name: 'book', outcome: 'unknown' }, 2),
      ended,
      reported,
    ];
    const expected = buildReport(callId, { ...nothing, stored, facts });
    expect(expected.tools.map(({ name }) => name)).toEqual(['check', 'book']);
    fc.assert(
      fc.property(fc.shuffledSubarray([...facts], { minLength: facts.length }), (shuffled) => {
        expect(buildReport(callId, { ...nothing, stored, facts: shuffled })).toEqual(expected);
      }),
    );
  });

  it('prefers the account of Retell for why it ended, and ours for when', () => {
    const report = buildReport(callId, { ...nothing, stored, facts: [started, ended, reported] });
    expect(report).toMatchObject({ reason: 'user_hangup', endedAt: ended.at, startedAt: stored.head.startedAt });
  });

  it('keeps the words of the report before once the live state is gone', () => {
    const before = buildReport(callId, { ...nothing, stored, facts: [started, ended] });
    const after = buildReport(callId, { stored: undefined, facts: [started, ended, reported], before });
    expect(after).toEqual({ ...before, reason: 'user_hangup' });
    expect(after.transcript).toEqual([{ role: 'user', content: 'hello' }]);
  });

  it('begins when Retell says it began, where nobody here saw it begin', () => {
    const report = buildReport(callId, { ...nothing, facts: [reported] });
    expect(report).toMatchObject({ startedAt: reported.at - 90_000, endedAt: reported.at, agent: { name: 'unknown' } });
  });

  it('keeps what it knew where no fact says more', () => {
    const before = sampleReport(callId);
    const report = buildReport(callId, { ...nothing, facts: [sampleEvent(callId, 1)], before });
    expect(report).toMatchObject({ agent: before.agent, reason: before.reason, endedAt: before.endedAt });
  });

  it('counts a turn once, and one that was superseded not at all', () => {
    const superseded = sampleEvent(callId, 4, { ...sampleTurn(9), outcome: 'superseded' } as CallEvent);
    const twice = [1, 2].map((epoch) => sampleEvent(callId, 3, sampleTurn(5), epoch));
    expect(countTurns([sampleEvent(callId, 1, sampleTurn(1)), ...twice, superseded])).toBe(2);
  });
});

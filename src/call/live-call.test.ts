import { describe, expect, it } from 'vitest';
import { newCallId, sampleHead } from '../../test/contracts/samples.ts';
import { liveCallOf } from './live-call.ts';

describe('a live call as others see it', () => {
  const callId = newCallId();

  it('is its ids, its times and where it is, without a word or a variable', () => {
    expect(liveCallOf(callId, sampleHead(4))).toEqual({
      callId,
      agent: 'front-desk',
      startedAt: 1_800_000_000_000,
      phase: 'listening',
      isProven: true,
      responseId: 4,
    });
  });

  it('names the open turn, also one that a lost socket left open', () => {
    const turn = { responseId: 3, ask: 'response', askedAt: 1, heardAt: 1, said: [], drafts: [], attempts: 0 } as const;
    const rest = { round: 0, started: 0, roundFrom: 0, waitFrom: 0, tools: 0, awaiting: [], secondAfterMs: 2_000 };
    const head = sampleHead(-1, { phase: { kind: 'adrift', since: 1, turn: { ...turn, ...rest } } });
    expect(liveCallOf(callId, head)).toMatchObject({ phase: 'adrift', responseId: 3 });
  });
});

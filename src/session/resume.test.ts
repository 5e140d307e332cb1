import { describe, expect, it } from 'vitest';
import type { StoredCall } from '../call/call.ts';
import { headOf } from '../call/snapshot.ts';
import { beginCall, resumeCall } from './resume.ts';
import { agentOf, callIdOf, recordedLog } from './roster.fixture.ts';

const broken = () =>
  agentOf({
    greeting: () => {
      throw new TypeError('no such name');
    },
  });

function storedBy(agent = agentOf()): StoredCall {
  const { call } = beginCall(callIdOf(1), 1, agent, { name: 'Ida' }, 1_000, recordedLog());
  return { head: { ...headOf(call), heard: 1 }, utterances: [{ index: 0, role: 'user', content: 'hi' }] };
}

describe('a call that begins', () => {
  it('brings its own variables over the agent’s defaults', () => {
    const agent = agentOf({ variables: { name: 'stranger', city: 'Oslo' } });
    const { call, isResumed } = beginCall(callIdOf(1), 1, agent, { name: 'Ida' }, 1_000, recordedLog());
    expect(call.variables).toEqual({ name: 'Ida', city: 'Oslo' });
    expect(isResumed).toBe(false);
  });

  it('has a line to say though the agent throws on its variables', () => {
    const log = recordedLog();
    expect(beginCall(callIdOf(1), 1, broken(), {}, 1_000, log).call.rules.greeting).toBe('Say that again?');
    expect(log.messages[0]).toContain('agent.threw');
  });
});

describe('a call that is resumed', () => {
  const other = agentOf({ name: 'other-desk' });

  it('keeps its agent, its variables and its words, one epoch higher', () => {
    const ready = resumeCall(callIdOf(1), 2, storedBy(), [other, agentOf()], other, recordedLog());
    expect(ready.agent.name).toBe('front-desk');
    expect(ready.call).toMatchObject({ epoch: 2, variables: { name: 'Ida' } });
    expect(ready.stored).toEqual([{ role: 'user', content: 'hi' }]);
    expect(ready.call.transcript).toEqual(ready.stored);
  });

  it('is answered by the default agent when its own is gone from the house', () => {
    expect(resumeCall(callIdOf(1), 2, storedBy(), [other], other, recordedLog()).agent.name).toBe('other-desk');
  });

  it('begins anew, without a second greeting, when another version stored what we cannot read', () => {
    const log = recordedLog();
    const stored = storedBy();
    const newer = { ...stored, head: { ...stored.head, schema: 2 as 1, phase: undefined as never } };
    const { call, isResumed } = resumeCall(callIdOf(1), 2, newer, [agentOf()], agentOf(), log);
    expect(call).toMatchObject({ epoch: 2, greeting: 'journaled', phase: { kind: 'listening' }, transcript: [] });
    expect(isResumed).toBe(true);
    expect(log.messages[0]).toContain('cannot be read');
  });
});

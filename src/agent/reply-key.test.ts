import { describe, expect, it } from 'vitest';
import { agentOf, agentSaid, answered, orderOf, settledOf, TRANSCRIPT, userSaid } from '../../test/draft-rig.ts';
import type { DraftOrder } from '../call/effects.ts';
import type { CacheableReply } from './agent.ts';
import { replyKey } from './reply-key.ts';

const OPEN: CacheableReply = { says: /open/i };

function replyOf(order: Partial<DraftOrder> = {}, rule: CacheableReply = OPEN, version = '1') {
  return replyKey(agentOf({ version, cacheable: [rule] }), orderOf(order));
}

const keyOf = (...args: Parameters<typeof replyOf>) => replyOf(...args)?.key;

describe('a repeatable reply', () => {
  it('has the same key for any caller who says the same words to the same question', () => {
    const other: Partial<DraftOrder> = {
      draftId: '9.9.9',
      responseId: 9,
      variables: { name: 'Ann', customer: '4711' },
      isProven: false,
      transcript: [
        agentSaid('Hi.'),
        userSaid('I am Ann.'),
        agentSaid('How can I  help'),
        userSaid('when are you OPEN'),
      ],
    };
    expect(keyOf(other)).toBe(keyOf());
    expect(keyOf()).toMatch(/^[0-9a-f]{64}$/);
  });

  it('has another key for other words, another question, another agent or version of it', () => {
    const keys = [
      keyOf(),
      keyOf({ transcript: [agentSaid('How can I help?'), userSaid('Are you open?')] }),
      keyOf({ transcript: [agentSaid('Anything else?'), userSaid('When are you open?')] }),
      keyOf({}, OPEN, '2'),
      replyKey(agentOf({ name: 'other', cacheable: [OPEN] }), orderOf())?.key,
    ];
    expect(keys).not.toContain(undefined);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('has another key where only a vowel sign of the words differs', () => {
    const saying = (words: string) => keyOf({ transcript: [userSaid(words)] }, { says: /./ });
    expect(saying('की')).not.toBe(saying('का'));
  });

  it('is keyed by all that the user said since the agent spoke', () => {
    const transcript = [agentSaid('How can I help?'), userSaid('When are'), userSaid('you open?')];
    expect(keyOf({ transcript })).toBe(keyOf());
  });

  it('is kept for an hour unless the agent says otherwise', () => {
    expect(replyOf()?.ttlMs).toBe(3_600_000);
    expect(replyOf({}, { ...OPEN, ttlMs: 500 })?.ttlMs).toBe(500);
  });
});

describe('the step of a repeatable reply', () => {
  const elsewhere = [agentSaid('Thank you, Ann Smith. Anything else?'), userSaid('When are you open?')];

  it('is the question the agent asked last', () => {
    expect(keyOf({ transcript: elsewhere }, { ...OPEN, step: 'same-question' })).not.toBe(keyOf());
    expect(keyOf({}, { ...OPEN, step: 'same-question' })).toBe(keyOf());
  });

  it('is none where the reply fits anywhere', () => {
    const rule: CacheableReply = { ...OPEN, step: 'any' };
    expect(keyOf({ transcript: elsewhere }, rule)).toBe(keyOf({}, rule));
  });

  it("is what the agent's own function calls it", () => {
    const rule: CacheableReply = { ...OPEN, step: (transcript, { shop }) => `${shop} ${transcript.length}` };
    const [north, south] = ['north', 'south'].map((shop) => keyOf({ variables: { shop } }, rule));
    expect(north).not.toBe(south);
    expect(keyOf({ transcript: elsewhere, variables: { shop: 'north' } }, rule)).toBe(north);
  });

  it.each<[string, CacheableReply['step']]>([
    ['any', 'any'],
    ['a function', () => 'hours'],
  ])('%s: the reply is made without what the agent told this caller', (_, step) => {
    const rule: CacheableReply = { says: /open/i, ...(step && { step }) };
    expect(replyOf({ transcript: elsewhere }, rule)?.transcript).toEqual([userSaid('When are you open?')]);
  });

  it('same-question: the reply is made from the question and all of its answer', () => {
    const transcript = [userSaid('I am Ann.'), agentSaid('What?'), userSaid('When are'), userSaid('you open?')];
    expect(replyOf({ transcript })?.transcript).toEqual([agentSaid('What?'), userSaid('When are you open?')]);
    expect(replyOf({ transcript: [userSaid('open?')] })?.transcript).toEqual([userSaid('open?')]);
  });
});

describe('a reply is not repeatable', () => {
  it('where the agent did not say so', () => {
    expect(replyKey(agentOf(), orderOf())).toBeUndefined();
    expect(replyOf({}, { says: /closed/ })).toBeUndefined();
  });

  it('where the user said no word', () => {
    const always: CacheableReply = { says: /^/ };
    for (const transcript of [
      [],
      [agentSaid('Hello?')],
      [userSaid('When open?'), agentSaid('At nine.')],
      [userSaid('…?')],
    ]) {
      expect(replyOf({ transcript }, always)).toBeUndefined();
    }
  });

  it('where an answer has begun; a filler is none', () => {
    expect(replyOf({ said: answered('We open') })).toBeUndefined();
    expect(keyOf({ said: [{ kind: 'filler', text: 'One moment.' }] })).toBe(keyOf());
  });

  it('where a tool has answered for it, though the transcript has grown since', () => {
    expect(replyOf({ settledTools: [settledOf(2, 'look')] })).toBeUndefined();
    const transcript = [...TRANSCRIPT, userSaid('On Sunday, open?')];
    expect(replyOf({ transcript, settledTools: [settledOf(2, 'look')] })).toBeUndefined();
  });

  it('but is again once that answer was heard', () => {
    const transcript = [userSaid('Book it.'), agentSaid('How can I help?'), userSaid('When are you open?')];
    expect(keyOf({ transcript, settledTools: [settledOf(1, 'book')] })).toBe(keyOf());
  });
});

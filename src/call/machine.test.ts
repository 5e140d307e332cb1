import { describe, expect, it } from 'vitest';
import { CallScript, transcriptOf } from '../../test/call-script.ts';

const HI = transcriptOf('agent: Hello, front desk.', 'user: hi');

describe('the greeting', () => {
  it('is journaled before it is spoken', () => {
    const script = new CallScript();
    script.holdsCommits = true;
    script.open();
    expect(script.effects.at(-1)).toEqual({ kind: 'commit', tag: 'greeting' });
    expect(script.sent(0)).toEqual([]);
    script.feed({ kind: 'committed', at: script.now, tag: 'greeting' });
    expect(script.sent(0)).toEqual(['Hello, front desk.', '∎']);
  });

  it('is never repeated after a crash, not even one before it was spoken', () => {
    const script = new CallScript();
    script.holdsCommits = true;
    const resumed = script.open().crashAndResume();
    expect(resumed.sent(0)).toEqual(['∎']);
  });

  it('is spoken by the first reminder when the caller has heard nothing', () => {
    const script = new CallScript();
    script.holdsCommits = true;
    const resumed = script.open().crashAndResume();
    resumed.ask(1, [], 'reminder');
    expect(resumed.sent(1)).toEqual(['Hello, front desk.', '∎']);
  });

  it('is left out when Retell has already asked for something else', () => {
    const script = new CallScript();
    script.holdsCommits = true;
    script.open().ask(1, HI);
    script.feed({ kind: 'committed', at: script.now, tag: 'greeting' });
    expect(script.sent(0)).toEqual([]);
  });
});

describe('an ask', () => {
  it('is journaled with its words before a draft is started', () => {
    const script = new CallScript().open();
    const from = script.effects.length;
    script.ask(1, HI);
    const kinds = script.effects.slice(from).map(({ kind }) => kind);
    expect(kinds.indexOf('commit')).toBeLessThan(kinds.indexOf('draft'));
    expect(script.call.transcript).toEqual(HI);
  });

  it('is answered sentence by sentence and closed once', () => {
    const script = new CallScript().open().ask(1, HI).sentence('Good day.').sentence('How can I help?').end();
    expect(script.sent(1)).toEqual(['Good day.', 'How can I help?', '∎']);
    expect(script.call.phase.kind).toBe('listening');
    script.wait(60_000);
    expect(script.sent(1)).toHaveLength(3);
  });

  it('makes everything older stale', () => {
    const script = new CallScript().open().ask(1, HI);
    const old = script.draft().draftId;
    script.sentence('Good').ask(2, transcriptOf('agent: Hello, front desk.', 'user: hi there'));
    expect(script.aborted()).toContain(old);
    script.sentence('stale words', old).end(old);
    expect(script.sent(1)).toEqual(['Good']);
    expect(script.sent(2)).toEqual([]);
    expect(script.facts('call.turn')[0]?.outcome).toBe('interrupted');
  });

  it('counts as superseded when nothing had been said for the older one', () => {
    const script = new CallScript().open().ask(1, HI).ask(2, HI);
    expect(script.facts('call.turn')[0]?.outcome).toBe('superseded');
  });

  it('asked twice under one id is one turn', () => {
    const script = new CallScript().open().ask(1, HI).ask(1, HI);
    expect(script.drafts()).toHaveLength(1);
  });

  it('older than the newest is ignored on the same socket', () => {
    const script = new CallScript().open().ask(5, HI).ask(4, HI);
    expect(script.drafts().map(({ responseId }) => responseId)).toEqual([5]);
  });

  it('closed on this socket stays closed, however often it is asked again', () => {
    const script = new CallScript().open().ask(1, HI).sentence('Good day.').end().ask(1, HI).ask(1, HI);
    expect(script.sent(1)).toEqual(['Good day.', '∎']);
    const resumed = script.crashAndResume().ask(1, HI).ask(1, HI);
    expect(resumed.sent(1)).toEqual(['Good day.', '∎']);
  });

  it('closed after a redial before Retell repeats it is not closed again', () => {
    const resumed = new CallScript().open().ask(1, HI).crashAndResume().sentence('Good day.').end();
    expect(resumed.ask(1, HI).sent(1)).toEqual(['Good day.', '∎']);
  });

  it('of a lower id on a new socket is answered, should Retell count anew', () => {
    const resumed = new CallScript().open().ask(5, HI).crashAndResume().ask(1, HI).sentence('Yes?').end();
    expect(resumed.sent(1)).toEqual(['Yes?', '∎']);
  });

  it('is escalated by every match of a global expression, not by every other', () => {
    const action = { kind: 'end' } as const;
    const script = new CallScript({
      escalation: [{ when: { says: /human/g }, line: 'I connect you.', action }],
    }).open();
    const asked = transcriptOf('user: a human please');
    script.ask(1, asked).ask(2, asked).ask(3, asked);
    expect([1, 2, 3].map((id) => script.sent(id).at(-1))).toEqual(['∎ end', '∎ end', '∎ end']);
  });

  it('is escalated without the model when a rule matches its words', () => {
    const action = { kind: 'transfer', number: '+15550100' } as const;
    const script = new CallScript({ escalation: [{ when: { says: /human/ }, line: 'I connect you.', action }] });
    script.open().ask(1, transcriptOf('user: a human please'));
    expect(script.sent(1)).toEqual(['I connect you.', '∎ transfer']);
    expect(script.drafts()).toEqual([]);
  });
});

describe('a reminder', () => {
  it('is answered by one line after another, and then by the farewell that ends the call', () => {
    const script = new CallScript().open();
    script.ask(1, HI, 'reminder').ask(2, HI, 'reminder').ask(3, HI, 'reminder');
    expect(script.sent(1)).toEqual(['Are you there?', '∎']);
    expect(script.sent(2)).toEqual(['Hello?', '∎']);
    expect(script.sent(3)).toEqual(['Goodbye.', '∎ end']);
  });

  it('starts from the first line again once the user has spoken', () => {
    const script = new CallScript().open().ask(1, HI, 'reminder').ask(2, HI);
    script.sentence('Yes?').end().ask(3, HI, 'reminder');
    expect(script.sent(3)).toEqual(['Are you there?', '∎']);
  });
});

describe('an unasked word', () => {
  it('closes the turn it cuts and goes out under an interrupt id of its own', () => {
    const script = new CallScript().open().ask(1, HI);
    script.feed({ kind: 'interject', at: script.now, text: 'Your order has shipped.' });
    expect(script.sent(1)).toEqual(['∎']);
    expect(script.effects).toContainEqual({ kind: 'interject', interruptId: 1, text: 'Your order has shipped.' });
    expect(script.aborted()).toHaveLength(1);
  });
});

describe('an unasked word in the middle of a farewell', () => {
  const parting = () =>
    new CallScript()
      .open()
      .ask(1, HI)
      .sentence('Bye.')
      .chunk({ kind: 'action', action: { kind: 'end' } });

  it('cancels the action of the turn it cuts', () => {
    const script = parting();
    script.feed({ kind: 'interject', at: script.now, text: 'Wait, one more thing.' });
    expect(script.sent(1)).toEqual(['Bye.', '∎']);
    expect(script.wait(60_000).effects).not.toContainEqual({ kind: 'hangUp' });
  });

  it('cancels a hang-up that was due', () => {
    const script = parting().end();
    script.feed({ kind: 'interject', at: script.now, text: 'Wait, one more thing.' });
    expect(script.wait(60_000).effects).not.toContainEqual({ kind: 'hangUp' });
  });

  it('may end the call itself', () => {
    const script = new CallScript().open();
    script.feed({ kind: 'interject', at: script.now, text: 'We close now.', action: { kind: 'end' } });
    expect(script.wait(30_000).effects.at(-1)).toEqual({ kind: 'hangUp' });
  });
});

describe('an adrift call', () => {
  it('hears nothing until it has a socket again, and then goes on with its turn', () => {
    const script = new CallScript().open().ask(1, HI);
    const { draftId } = script.draft();
    script.feed({ kind: 'lost', at: script.now });
    const count = script.effects.length;
    script.sentence('Good day.', draftId).ask(2, HI).wait(60_000);
    expect(script.effects).toHaveLength(count);
    expect(script.open().draft()).toMatchObject({ responseId: 1 });
  });

  it('can end without one', () => {
    const script = new CallScript().open();
    script.feed({ kind: 'lost', at: script.now }).feed({ kind: 'ended', at: script.now, reason: 'user_hangup' });
    expect(script.call.phase).toEqual({ kind: 'over', reason: 'user_hangup' });
  });

  it('that has only bought time so far buys more of it once it is back', () => {
    const resumed = new CallScript().open().ask(1, HI).wait(700).crashAndResume();
    expect(resumed.wait(4_000).sent(1)).toEqual(['One moment.']);
  });
});

describe('the end', () => {
  it('hangs up on purpose when Retell has not, half a minute after the parting words', () => {
    const script = new CallScript().open().ask(1, HI);
    script
      .sentence('Bye.')
      .chunk({ kind: 'action', action: { kind: 'end' } })
      .end()
      .wait(29_000);
    expect(script.sent(1)).toEqual(['Bye.', '∎ end']);
    expect(script.effects).not.toContainEqual({ kind: 'hangUp' });
    expect(script.wait(1_000).effects).toContainEqual({ kind: 'hangUp' });
  });

  it('is taken back when the caller speaks again', () => {
    const script = new CallScript().open().ask(1, HI);
    script
      .sentence('Bye.')
      .chunk({ kind: 'action', action: { kind: 'end' } })
      .end()
      .ask(2, HI)
      .sentence('Yes?')
      .end();
    expect(script.wait(60_000).effects).not.toContainEqual({ kind: 'hangUp' });
  });

  it('says goodbye for an action that came without a word', () => {
    const script = new CallScript()
      .open()
      .ask(1, HI)
      .chunk({ kind: 'action', action: { kind: 'end' } })
      .end();
    expect(script.sent(1)).toEqual(['Goodbye.', '∎ end']);
  });

  it('changes nothing more once the call is over', () => {
    const script = new CallScript().open().ask(1, HI);
    script.feed({ kind: 'ended', at: script.now, reason: 'user_hangup' });
    const count = script.effects.length;
    script.ask(2, HI).wait(60_000);
    expect(script.effects).toHaveLength(count);
    expect(script.facts('call.ended')).toEqual([{ type: 'call.ended', reason: 'user_hangup' }]);
  });
});

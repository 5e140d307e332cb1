import { describe, expect, it } from 'vitest';
import { CallScript, transcriptOf } from '../../test/call-script.ts';

const HI = transcriptOf('agent: Hello, front desk.', 'user: hi');
const asked = () => new CallScript().open().ask(1, HI);

describe('a silent model', () => {
  it('is covered by a filler at 700 ms and another at 4 s', () => {
    const script = asked().wait(699);
    expect(script.sent(1)).toEqual([]);
    expect(script.wait(1).sent(1)).toEqual(['Let me see.']);
    expect(script.wait(3_300).sent(1)).toEqual(['Let me see.', 'One moment.']);
  });

  it('is raced by a second draft at 2 s, and only one', () => {
    const script = asked().wait(1_999);
    expect(script.drafts()).toHaveLength(1);
    script.wait(1).wait(3_000);
    expect(script.drafts().map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('is replaced by the fallback line at 6 s, with every draft aborted', () => {
    const script = asked().wait(6_000);
    expect(script.sent(1).slice(-2)).toEqual(['Say that again?', '∎']);
    expect(script.aborted()).toHaveLength(2);
    expect(script.facts('call.turn')[0]).toMatchObject({
      outcome: 'fallback',
      failure: 'turn.no_answer',
      firstSentenceMs: 700,
    });
  });

  it('ends the call politely after three turns in a row', () => {
    const script = asked().wait(6_000).ask(2, HI).wait(6_000).ask(3, HI).wait(6_000);
    expect(script.sent(3).slice(-2)).toEqual(['Please call later.', '∎ end']);
  });
});

describe('a race', () => {
  it('is won by the first sentence; the loser is aborted and never spoken', () => {
    const script = asked().wait(2_000);
    const [first, second] = script.drafts().map(({ draftId }) => draftId);
    script.sentence('From the second.', second).sentence('From the first.', first).end(second);
    expect(script.aborted()).toEqual([first]);
    expect(script.sent(1)).toEqual(['Let me see.', 'From the second.', '∎']);
  });

  it('is not started once an answer has begun', () => {
    const script = asked().sentence('Well.').wait(5_000);
    expect(script.drafts()).toHaveLength(1);
  });

  it('leaves the runner when the other fails', () => {
    const script = asked().wait(2_000);
    const [first, second] = script.drafts().map(({ draftId }) => draftId);
    script.fail('model.unavailable', first).sentence('Here.', second).end(second);
    expect(script.sent(1)).toContain('Here.');
  });
});

describe('a failing model', () => {
  it('gets a second try at once', () => {
    const script = asked().fail();
    expect(script.drafts()).toHaveLength(2);
    script.sentence('Here.').end();
    expect(script.sent(1)).toEqual(['Here.', '∎']);
  });

  it('is answered by the fallback line when the second try fails too, without waiting', () => {
    const script = asked().fail().fail('model.rate_limited');
    expect(script.sent(1)).toEqual(['Say that again?', '∎']);
    expect(script.facts('call.turn')[0]?.failure).toBe('model.rate_limited');
  });

  it('that ends without a word counts as failed', () => {
    const script = asked().end().end();
    expect(script.facts('call.turn')[0]).toMatchObject({ outcome: 'fallback', failure: 'agent.silent' });
  });

  it('cut in mid-answer is continued after what was said', () => {
    const script = asked().sentence('We open at nine.').fail('model.stream_cut');
    expect(script.draft().said).toEqual([{ kind: 'answer', text: 'We open at nine.' }]);
    script.sentence('We close at ten.').end();
    expect(script.sent(1)).toEqual(['We open at nine.', 'We close at ten.', '∎']);
  });

  it('that hangs after being continued is given six seconds more, not thirty', () => {
    const script = asked().wait(500).sentence('We open at nine.').wait(6_000).fail('model.stalled').wait(6_000);
    expect(script.sent(1)).toEqual(['We open at nine.', 'I lost my thread.', '∎']);
  });

  it('cut twice closes with a sentence, not in the middle of nothing', () => {
    const script = asked().sentence('We open at nine.').fail().fail();
    expect(script.sent(1)).toEqual(['We open at nine.', 'I lost my thread.', '∎']);
  });

  it('is forgiven after a good turn', () => {
    const script = asked().wait(6_000).ask(2, HI).wait(6_000).ask(3, HI).sentence('Fine.').end().ask(4, HI).wait(6_000);
    expect(script.sent(4).slice(-2)).toEqual(['Say that again?', '∎']);
  });
});

describe('a resumed call', () => {
  it('goes on with the open turn under its id, after what was said', () => {
    const resumed = asked().sentence('We open at nine.').crashAndResume();
    expect(resumed.draft()).toMatchObject({ responseId: 1, said: [{ kind: 'answer', text: 'We open at nine.' }] });
    resumed.sentence('We close at ten.').end();
    expect(resumed.sent(1)).toEqual(['We close at ten.', '∎']);
  });

  it('closes a turn whose answer was complete but for its end', () => {
    const resumed = asked().sentence('We open at nine.').crashAndResume().end();
    expect(resumed.sent(1)).toEqual(['∎']);
  });

  it('says a filler at once when the caller had waited long', () => {
    const resumed = asked().crashAndResume().wait(0);
    expect(resumed.sent(1)).toEqual(['Let me see.']);
  });

  it('is still protected from a model that hangs', () => {
    const resumed = asked().sentence('We open at nine.').crashAndResume().wait(6_000);
    expect(resumed.sent(1).at(-1)).toBe('∎');
  });

  it('gives an ask that comes again what the caller has not heard of its answer', () => {
    const resumed = asked().sentence('We open at nine.').sentence('We close at ten.').end().crashAndResume();
    resumed.ask(1, [...HI, { role: 'agent', content: 'We open at nine.' }]);
    expect(resumed.sent(1)).toEqual(['We close at ten.', '∎']);
    expect(resumed.drafts()).toEqual([]);
  });

  it('forgets the open turn when a newer ask comes', () => {
    const resumed = asked().crashAndResume();
    const old = resumed.draft().draftId;
    resumed.ask(2, HI).sentence('Hello again.').end();
    expect(resumed.aborted()).toContain(old);
    expect(resumed.sent(2)).toEqual(['Hello again.', '∎']);
  });

  it('numbers its drafts under its own epoch', () => {
    const before = asked();
    expect(before.crashAndResume().draft().draftId).not.toBe(before.draft().draftId);
  });
});

describe('the end of an answer', () => {
  const closed = () => asked().sentence('We open at nine.').end().crashAndResume();

  it('is sent once more after a redial, since it may have gone down with the socket', () => {
    expect(closed().wait(1_500).sent(1)).toEqual(['∎']);
  });

  it('is not when Retell has asked for something else', () => {
    expect(closed().ask(2, HI).wait(1_500).sent(1)).toEqual([]);
  });
});

describe('the parting line', () => {
  it('is said in full after a spoken sentence too: nobody is asked a question and then hung up on', () => {
    const script = asked().wait(6_000).ask(2, HI).wait(6_000).ask(3, HI).sentence('We open at nine.').fail().fail();
    expect(script.sent(3)).toEqual(['We open at nine.', 'Please call later.', '∎ end']);
  });
});

describe('a lost socket', () => {
  it('aborts the draft, keeps the turn, and records that the call is adrift', () => {
    const script = asked();
    script.feed({ kind: 'lost', at: script.now });
    expect(script.aborted()).toHaveLength(1);
    expect(script.call.phase).toMatchObject({ kind: 'adrift', turn: { responseId: 1 } });
    expect(script.facts('call.adrift')).toHaveLength(1);
  });
});

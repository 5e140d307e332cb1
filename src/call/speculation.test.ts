import { describe, expect, it } from 'vitest';
import { asRestored, CallScript, transcriptOf } from '../../test/call-script.ts';
import type { Rules } from './call.ts';
import { headOf } from './snapshot.ts';
import type { Transcript } from './transcript.ts';

const GREETED = 'agent: Hello, front desk.';
const saying = (...words: readonly string[]): Transcript =>
  transcriptOf(GREETED, ...words.map((one) => `user: ${one}`));

/** A call that speculates. */
const open = (rules: Partial<Rules> = {}) => new CallScript({ speculates: true, ...rules }).open();
const hear = (script: CallScript, transcript: Transcript) => script.feed({ kind: 'heard', at: script.now, transcript });
const outcomes = (script: CallScript) => script.facts('call.speculated').map(({ outcome }) => outcome);
const adopted = (script: CallScript) =>
  script.effects.flatMap((effect) => (effect.kind === 'adopt' ? [effect.draftId] : []));
/** One whose only turn so far was asked for so long after its last word. */
const askedAfter = (gapMs: number) =>
  hear(open(), saying('Hello')).wait(gapMs).ask(1, saying('Hello')).sentence('Hello.').end();
/** What is said in its second turn. */
const then = (words: string) => transcriptOf(GREETED, 'user: Hello', 'agent: Hello.', `user: ${words}`);
const TOOL = { name: 'book_table', arguments: '{}', isSafe: false };

describe('a partial transcript', () => {
  it('is worth nothing in a call that does not speculate: no draft, no clock, nothing kept', () => {
    const script = new CallScript().open();
    const before = script.effects.length;
    hear(script, saying('When do you open?')).wait(5_000);
    expect(script.effects).toHaveLength(before);
    expect(script.call).not.toHaveProperty('speculation');
  });

  it.each([
    'When do you open?',
    'A table for two.',
    'Great!',
    '"Open?"',
    '何時ですか？',
  ])('that looks complete is drafted at once: %s', (words) => {
    expect(hear(open(), saying(words)).drafts()).toMatchObject([
      { transcript: saying(words), speculatesOn: 'sentence' },
    ]);
  });

  it.each([
    'When do you',
    'A table for...',
    'A table for…',
    '...',
  ])('that does not look so is waited for: %s', (words) => {
    expect(hear(open(), saying(words)).drafts()).toEqual([]);
  });

  it('that stands still for longer than words take is drafted, where Retell takes twice as long to ask', () => {
    const script = hear(askedAfter(1_200), then('When do you open')).wait(599);
    expect(script.drafts()).toHaveLength(1);
    expect(script.wait(1).draft()).toMatchObject({ speculatesOn: 'pause' });
  });

  it('that stands still is left to the ask where Retell asks sooner, or has not shown how soon', () => {
    expect(hear(askedAfter(1_100), then('When do you open')).wait(5_000).drafts()).toHaveLength(1);
    expect(hear(open(), saying('When do you open')).wait(5_000).drafts()).toEqual([]);
  });

  it('is waited for as the call’s own pace tells: fast partials, a short wait', () => {
    const script = askedAfter(300);
    const words = 'one two three four five six seven eight nine ten eleven twelve'.split(' ');
    for (let said = 1; said <= words.length; said++) hear(script.wait(60), then(words.slice(0, said).join(' ')));
    expect(script.drafts()).toHaveLength(1);
    expect(script.wait(120).drafts()).toHaveLength(2);
  });

  it('in mid-speech starts nothing, however long the speech is', () => {
    const script = askedAfter(2_000);
    const words = Array.from({ length: 40 }, (_, index) => `word${index}`);
    for (let said = 1; said <= words.length; said++) hear(script.wait(400), then(words.slice(0, said).join(' ')));
    expect(script.drafts()).toHaveLength(1);
  });

  it('of the agent’s own words, or of none, starts nothing', () => {
    const script = hear(open(), transcriptOf(GREETED));
    hear(script, saying('   ')).wait(5_000);
    expect(script.drafts()).toEqual([]);
  });

  it('that tells again what was asked already starts nothing', () => {
    const script = open().ask(1, saying('When do you open?'));
    hear(script, saying('When do you open?')).wait(5_000);
    hear(script, saying('When do you open'));
    expect(script.drafts().filter(({ speculatesOn }) => speculatesOn)).toEqual([]);
  });

  it('that tells again what was drafted already starts nothing more', () => {
    const script = hear(open(), saying('When do you open?'));
    hear(script, saying('when do you open')).wait(5_000);
    hear(script, saying('When do you open.'));
    expect(script.drafts()).toHaveLength(1);
    expect(script.aborted()).toEqual([]);
  });

  it('starts nothing while a tool runs: its answer may be what is asked for', () => {
    const script = open().ask(1, saying('Book it.')).tools(TOOL);
    hear(script, saying('Book it.', 'Is it done?')).wait(5_000);
    expect(script.drafts()).toHaveLength(1);
  });

  it('that an escalation rule answers starts nothing', () => {
    const says = /human/;
    const rule = { when: { says }, line: 'I connect you.', action: { kind: 'end' } } as const;
    expect(hear(open({ escalation: [rule] }), saying('A human, please.')).drafts()).toEqual([]);
  });

  it('starts nothing on a new socket when it brings what was known before', () => {
    const script = open().ask(1, saying('When do you open?')).sentence('At nine.').end().crashAndResume();
    hear(script, saying('When do you open?')).wait(5_000);
    expect(script.drafts()).toEqual([]);
  });
});

describe('a speculative draft', () => {
  const drafted = (words = 'When do you open?') => hear(open(), saying(words));

  it('is not heard before Retell asks, and is heard at once when it does', () => {
    const script = drafted().sentence('At nine.').sentence('We close at ten.');
    expect(script.sent(1)).toEqual([]);
    script.wait(300).ask(1, saying('When do you open?'));
    expect(script.sent(1)).toEqual(['At nine.', 'We close at ten.']);
    expect(script.end().sent(1)).toEqual(['At nine.', 'We close at ten.', '∎']);
    expect(script.drafts()).toHaveLength(1);
    expect(script.facts('call.turn')).toMatchObject([{ outcome: 'answered', answerMs: 0, attempts: 1 }]);
    expect(outcomes(script)).toEqual(['adopted']);
    expect(adopted(script)).toEqual([script.draft().draftId]);
  });

  it('that is whole by then closes the turn with the ask', () => {
    const script = drafted().sentence('At nine.').end().ask(1, saying('When do you open?'));
    expect(script.sent(1)).toEqual(['At nine.', '∎']);
  });

  it('goes on under the id of the ask when it has brought nothing yet', () => {
    const script = drafted().ask(1, saying('When do you open?')).wait(100).sentence('At nine.').end();
    expect(script.sent(1)).toEqual(['At nine.', '∎']);
    expect(script.facts('call.turn')).toMatchObject([{ answerMs: 100 }]);
  });

  it('is adopted by an ask that differs in case and punctuation alone', () => {
    const script = drafted('when do you open.').ask(1, saying('When do you open?'));
    expect(adopted(script)).toHaveLength(1);
  });

  it('is adopted though the same words came in two utterances', () => {
    const script = hear(open(), saying('A table.', 'For two.')).ask(1, saying('A table. For two.'));
    expect(adopted(script)).toHaveLength(1);
  });

  it.each([
    ['other words', saying('When do you close?')],
    ['one word more', saying('When do you open? Today')],
    ['another utterance before', transcriptOf('agent: Hello, front', 'user: When do you open?')],
  ])('is dropped by an ask with %s, which is drafted anew', (_, transcript) => {
    const script = drafted().sentence('At nine.').ask(1, transcript);
    expect(script.aborted()).toHaveLength(1);
    expect(outcomes(script)).toEqual(['wasted']);
    expect(script.draft()).toMatchObject({ transcript });
    expect(script.draft()).not.toHaveProperty('speculatesOn');
    expect(script.sentence('At ten.').end().sent(1)).toEqual(['At ten.', '∎']);
  });

  it('is dropped by a reminder, which has its line', () => {
    const script = drafted().sentence('At nine.').ask(1, saying('When do you open?'), 'reminder');
    expect(script.sent(1)).toEqual(['Are you there?', '∎']);
    expect(outcomes(script)).toEqual(['wasted']);
  });

  it('is dropped as soon as other words are heard', () => {
    const script = hear(drafted('I want to book.'), saying('I want to book a'));
    expect(script.aborted()).toHaveLength(1);
    hear(script, saying('I want to book a table.'));
    expect(script.drafts()).toHaveLength(2);
    expect(new Set(script.drafts().map(({ draftId }) => draftId)).size).toBe(2);
    expect(script.sentence('Gladly.').ask(1, saying('I want to book a table.')).sent(1)).toEqual(['Gladly.']);
  });

  it('is dropped when the proof of the call came in between: it was made without the right to dial', () => {
    const unproven = new CallScript({ speculates: true }).open(false);
    hear(unproven, saying('Call Mary.')).feed({ kind: 'proven', at: unproven.now });
    expect(outcomes(unproven.ask(1, saying('Call Mary.')))).toEqual(['wasted']);
  });

  it('is dropped when the call loses its socket, ends, or someone speaks up in it', () => {
    for (const input of [
      { kind: 'lost' },
      { kind: 'ended', reason: 'user_hangup' },
      { kind: 'interject', text: 'By the way.' },
    ] as const) {
      const script = drafted();
      script.feed({ ...input, at: script.now });
      expect(script.aborted()).toHaveLength(1);
      expect(outcomes(script)).toEqual(['wasted']);
    }
  });

  it('that fails or is refused is forgotten: the ask has its two tries', () => {
    const script = drafted().fail('model.speculation_budget').ask(1, saying('When do you open?'));
    expect(script.drafts()).toHaveLength(2);
    script.fail().sentence('At nine.').end();
    expect(script.sent(1)).toEqual(['At nine.', '∎']);
    expect(outcomes(script)).toEqual([]);
  });

  it('of whose failure the word comes after the ask is as good as never begun too', () => {
    const script = drafted().ask(1, saying('When do you open?')).fail('model.speculation_budget');
    expect(script.drafts().map(({ attempt }) => attempt)).toEqual([1, 1]);
    script.fail();
    expect(script.drafts().map(({ attempt }) => attempt)).toEqual([1, 1, 2]);
    expect(script.sentence('At nine.').end().sent(1)).toEqual(['At nine.', '∎']);
  });

  it('that breaks off once it is spoken has a second try like any other', () => {
    const script = drafted().ask(1, saying('When do you open?')).sentence('At nine.').fail();
    expect(script.draft()).toMatchObject({ attempt: 2, said: [{ text: 'At nine.' }] });
  });

  it('that is silent is raced by a second one as long after its start as any, and a filler covers it', () => {
    const script = drafted().wait(500).ask(1, saying('When do you open?')).wait(1_499);
    expect(script.drafts()).toHaveLength(1);
    expect(script.sent(1)).toEqual(['Let me see.']);
    expect(script.wait(1).drafts()).toHaveLength(2);
  });

  it('that ends in a tool runs it after the ask, and not before', () => {
    const script = drafted('Book it.').tools(TOOL).wait(2_000);
    expect(script.toolsRun()).toEqual([]);
    script.ask(1, saying('Book it.'));
    expect(script.toolsRun()).toHaveLength(1);
    script
      .settle(script.toolsRun()[0] ?? '')
      .sentence('It is booked.')
      .end();
    expect(script.sent(1)).toEqual(['It is booked.', '∎']);
  });

  it('whose tool was wanted is dropped with it when Retell asks for something else', () => {
    const script = drafted('Book it.').tools(TOOL).ask(1, saying('Book it. No, wait')).sentence('I wait.').end();
    expect(script.toolsRun()).toEqual([]);
  });

  it('takes the place of an open turn that the user spoke on from', () => {
    const script = open().ask(1, saying('A table'));
    hear(script, saying('A table', 'For two.')).sentence('Gladly.').ask(2, saying('A table', 'For two.'));
    expect(script.sent(2)).toEqual(['Gladly.']);
    expect(script.facts('call.turn')).toMatchObject([{ outcome: 'superseded' }]);
  });

  it('is not stored: a resumed call has none', () => {
    const script = drafted().sentence('At nine.');
    expect(JSON.stringify(headOf(script.call))).not.toContain('At nine.');
    expect(asRestored(script.call, 2)).not.toHaveProperty('speculation');
  });
});

import { describe, expect, it } from 'vitest';
import { CallScript, transcriptOf } from '../../test/call-script.ts';

const BOOK = transcriptOf('agent: Hello, front desk.', 'user: a table for two at eight');
const book = { name: 'book_table', arguments: '{"people":2}', isSafe: false };
const check = { name: 'check_table', arguments: '{"people":2}', isSafe: true };
const asked = () => new CallScript().open().ask(1, BOOK);

describe('a tool', () => {
  it('is written down before it runs', () => {
    const script = asked();
    script.holdsCommits = true;
    script.tools(book);
    expect(script.toolsRun()).toEqual([]);
    expect(script.call.running).toHaveLength(1);
    script.feed({ kind: 'committed', at: script.now, tag: 'tools' });
    expect(script.toolsRun()).toHaveLength(1);
  });

  it('has its result read by the next round of the same turn', () => {
    const script = asked().tools(book);
    const [id = ''] = script.toolsRun();
    script.settle(id, 'booked').sentence('It is booked.').end();
    expect(script.draft().settledTools[0]).toMatchObject({ outcome: { content: 'booked' } });
    expect(script.sent(1)).toEqual(['It is booked.', '∎']);
  });

  it('is told to Retell when it starts and when it answers', () => {
    const script = asked().tools(book);
    script.settle(script.toolsRun()[0] ?? '');
    const kinds = script.effects.map(({ kind }) => kind);
    expect(kinds.indexOf('noteUse')).toBeLessThan(kinds.indexOf('noteOutcome'));
  });

  it('belongs to the call: a re-ask neither aborts it nor asks the model before it is done', () => {
    const script = asked().tools(book).ask(2, BOOK);
    expect(script.drafts()).toHaveLength(1);
    script.settle(script.toolsRun()[0] ?? '', 'booked');
    expect(script.draft()).toMatchObject({ responseId: 2 });
    expect(script.draft().settledTools).toHaveLength(1);
    expect(script.toolsRun()).toHaveLength(1);
  });

  it('that only reads does not hold the re-ask back', () => {
    const script = asked().tools(check).ask(2, BOOK);
    expect(script.draft().responseId).toBe(2);
  });

  it('that works long is spoken of, and the turn is not given up', () => {
    const script = asked().tools(book).wait(6_000);
    expect(script.sent(1)).toEqual(['Let me see.', 'One moment.', 'Still on it.']);
    script
      .settle(script.toolsRun()[0] ?? '')
      .sentence('Booked.')
      .end();
    expect(script.sent(1).slice(-2)).toEqual(['Booked.', '∎']);
  });

  it('that never settles cannot keep a turn open for more than thirty seconds', () => {
    expect(asked().tools(book).wait(30_000).sent(1).at(-1)).toBe('∎');
  });

  it('asked for again and again by the model is stopped', () => {
    const script = asked();
    for (let round = 0; round < 6; round++) script.tools(check).settle(script.toolsRun().at(-1) ?? '');
    expect(script.facts('call.turn')[0]?.failure).toBe('agent.tool_loop');
  });

  it('may end the call once the words after it are spoken', () => {
    const script = asked().tools(book);
    const outcome = { kind: 'done', content: 'ok', action: { kind: 'end' } } as const;
    script.feed({ kind: 'toolSettled', at: script.now, toolCallId: script.toolsRun()[0] ?? '', outcome });
    script.sentence('Booked, goodbye.').end();
    expect(script.sent(1)).toEqual(['Booked, goodbye.', '∎ end']);
  });

  it('second tries protect the round after a tool, even when words came before it', () => {
    const script = asked().sentence('Let me check that.').tools(book);
    script.settle(script.toolsRun()[0] ?? '').wait(6_000);
    expect(script.drafts().map(({ attempt }) => attempt)).toEqual([1, 1, 2]);
    expect(script.sent(1).at(-1)).toBe('∎');
  });
});

describe('a request', () => {
  it('ends when its answer was heard, so the same tool may be meant anew', () => {
    const script = asked().tools(book);
    script
      .settle(script.toolsRun()[0] ?? '')
      .sentence('It is booked.')
      .end();
    script.ask(2, [...BOOK, ...transcriptOf('agent: It is', 'user: another one')]).tools(book);
    expect(script.call.running[0]?.use.request).toBe(2);
  });

  it('goes on when only a filler was heard', () => {
    const script = asked().wait(700).sentence('It is booked.').end();
    script.ask(2, [...BOOK, ...transcriptOf('agent: Let me see.', 'user: hello?')]);
    expect(script.call.request).toBe(1);
  });

  it('goes on when the fallback line was heard: the caller will ask for the same', () => {
    const script = asked().fail().fail();
    script.ask(2, [...BOOK, ...transcriptOf('agent: Say that again?', 'user: a table')]);
    expect(script.call.request).toBe(1);
  });
});

describe('an unknown outcome', () => {
  const unknown = () => {
    const script = asked().tools(book);
    const toolCallId = script.toolsRun()[0] ?? '';
    return script.feed({
      kind: 'toolSettled',
      at: script.now,
      toolCallId,
      outcome: { kind: 'unknown', key: 'book@8' },
    });
  };

  it('is put to the caller', () => {
    expect(unknown().sent(1)).toEqual(['Did that go through? Shall I try again?', '∎']);
  });

  it('may be tried again once the caller has heard the question and asks for it', () => {
    const script = unknown();
    const heard = transcriptOf('agent: Did that go through? Shall I try again?', 'user: yes please');
    script.ask(2, [...BOOK, ...heard]).tools(book);
    expect(script.call.running[0]?.use.granted).toEqual(['book@8']);
  });

  it('may not be tried again by a re-ask that heard nothing', () => {
    const script = unknown().ask(2, BOOK).tools(book);
    expect(script.call.running[0]?.use.granted).toEqual([]);
  });
});

describe('a crash in mid-tool', () => {
  it('asks after the tool again, under the same id, and the open turn waits for it', () => {
    const script = asked().tools(book);
    const resumed = script.crashAndResume();
    expect(resumed.toolsRun()).toEqual(script.toolsRun());
    expect(resumed.drafts()).toEqual([]);
    resumed
      .settle(resumed.toolsRun()[0] ?? '', 'booked')
      .sentence('Booked.')
      .end();
    expect(resumed.sent(1)).toEqual(['Booked.', '∎']);
  });
});

describe('a grant', () => {
  const told = () => {
    const script = asked().tools(book);
    const toolCallId = script.toolsRun()[0] ?? '';
    script.feed({ kind: 'toolSettled', at: script.now, toolCallId, outcome: { kind: 'unknown', key: 'book@8' } });
    const heard = transcriptOf('agent: Did that go through? Shall I try again?', 'user: yes please');
    return script.ask(2, [...BOOK, ...heard]);
  };

  it('is spent by the try it was given for', () => {
    const script = told().tools(book);
    script.settle(script.toolsRun().at(-1) ?? '').tools(book);
    expect(script.call.running[0]?.use.granted).toEqual([]);
  });

  it('does not outlive a crash: the next unknown outcome is asked about anew', () => {
    const resumed = told().tools(book).crashAndResume();
    expect(resumed.call.running[0]?.use.granted).toEqual([]);
  });

  it('is for its own key, which the tool itself names', () => {
    expect(told().tools(check).call.running[0]?.use.granted).toEqual([]);
  });
});

describe('words before a tool', () => {
  it('are not the answer: heard in mid-tool, they do not end the request', () => {
    const script = asked().sentence('Let me book that for you.').tools(book);
    script.ask(2, [...BOOK, ...transcriptOf('agent: Let me book', 'user: quick please')]);
    expect(script.call.request).toBe(1);
    script.settle(script.toolsRun()[0] ?? '', 'booked').tools(book);
    expect(script.call.running[0]?.use.request).toBe(1);
  });

  it('are not the answer after it either, until words of its result were heard', () => {
    const script = asked().sentence('Let me book that for you.').tools(book);
    script
      .settle(script.toolsRun()[0] ?? '', 'booked')
      .sentence('It is booked.')
      .end();
    script.ask(2, [...BOOK, ...transcriptOf('agent: Let me book that for you.', 'user: and?')]);
    expect(script.call.request).toBe(1);
  });

  it('nor is half a filler', () => {
    const script = asked().wait(700).sentence('It is booked.').end();
    script.ask(2, [...BOOK, ...transcriptOf('agent: Let me', 'user: hello?')]);
    expect(script.call.request).toBe(1);
  });
});

describe('an end that a tool has decided', () => {
  const ending = { kind: 'done', content: 'ok', action: { kind: 'end' } } as const;

  it('is said goodbye to when the model then fails, not asked a question', () => {
    const script = asked().tools(book);
    script.feed({ kind: 'toolSettled', at: script.now, toolCallId: script.toolsRun()[0] ?? '', outcome: ending });
    script.fail().fail();
    expect(script.sent(1)).toEqual(['Goodbye.', '∎ end']);
  });

  it('is put off while another outcome is unknown and the caller is asked', () => {
    const script = asked().tools(book, { ...book, arguments: '{"people":3}' });
    const [first = '', second = ''] = script.toolsRun();
    script.feed({ kind: 'toolSettled', at: script.now, toolCallId: first, outcome: ending });
    script.feed({ kind: 'toolSettled', at: script.now, toolCallId: second, outcome: { kind: 'unknown' } });
    expect(script.sent(1)).toEqual(['Did that go through? Shall I try again?', '∎']);
  });
});

describe('a turn with a tool in it', () => {
  it('that was quick still ends by six seconds when the model then hangs', () => {
    const script = asked().tools(book).wait(500);
    script.settle(script.toolsRun()[0] ?? '').wait(5_500);
    expect(script.sent(1).at(-1)).toBe('∎');
  });
});

import { describe, expect, it } from 'vitest';
import type { LanguageModel, ModelChunk, ModelMessage } from '../../ports/language-model.ts';
import { Fault } from '../../std/fault.ts';
import { ManualClock } from '../../std/manual-clock.ts';
import { type ScriptRule, type ScriptView, scripted } from './scripted.ts';

const idle = new AbortController().signal;
const user = (content: string): ModelMessage => ({ role: 'user', content });
const offer = (...names: readonly string[]) => names.map((name) => ({ name, description: '', parameters: {} }));

async function ask(model: LanguageModel, messages: readonly ModelMessage[], tools: readonly string[] = []) {
  const chunks: ModelChunk[] = [];
  for await (const chunk of model.stream({ messages, tools: offer(...tools) }, idle)) chunks.push(chunk);
  return {
    chunks,
    words: chunks.map((chunk) => (chunk.kind === 'text' ? chunk.text : '')).join(''),
    call: chunks.flatMap((chunk) => (chunk.kind === 'toolCall' ? [chunk.call] : []))[0],
  };
}

/** Plays the agent's part: runs what the model calls until it has nothing more to call. */
async function converse(
  model: LanguageModel,
  said: string,
  tools: Readonly<Record<string, (args: unknown) => unknown>>,
) {
  const messages: ModelMessage[] = [user(said)];
  const calls: string[] = [];
  for (let round = 0; round < 5; round++) {
    const { words, call } = await ask(model, messages, Object.keys(tools));
    if (!call) return { words, calls };
    calls.push(`${call.name} ${call.arguments}`);
    const content = JSON.stringify(tools[call.name]?.(JSON.parse(call.arguments)));
    messages.push(
      { role: 'assistant', content: '', toolCalls: [call] },
      { role: 'tool', toolCallId: call.id, content },
    );
  }
  throw new Error('expected the model to stop calling');
}

const guestsIn = (view: ScriptView) => (/two/.test(view.said) ? 2 : 0);

const bookTable: ScriptRule = {
  when: /\bbook\b.*\btable\b/i,
  call: (view) =>
    guestsIn(view) === 0
      ? 'For how many people?'
      : { name: 'check_table', arguments: { people: guestsIn(view), time: '20:00' } },
  after: (result, view) => {
    if (result.name === 'book_table') return 'Your table for two at eight is booked. See you then!';
    const isFree = JSON.stringify(result.value) === '{"free":true}';
    return isFree
      ? { name: 'book_table', arguments: { people: guestsIn(view), time: '20:00' } }
      : 'I am sorry, we are full at eight.';
  },
};

describe('rules', () => {
  const model = scripted(
    [
      { when: /\bopen\b/i, say: 'We open at noon.' },
      { when: /\bopening\b|\bopen\b/, say: 'Never said.' },
      { when: /my name is (\w+)/, say: (view) => `Hello, ${view.match?.[1]}.` },
      { when: (view) => view.heard.length > 2, say: (view) => `You said ${view.heard.length} things.` },
    ],
    { otherwise: (view) => `What is ${view.said}?` },
  );

  it('lets the first rule that fits speak', async () => {
    expect((await ask(model, [user('Are you open?')])).words).toBe('We open at noon.');
  });

  it('gives a rule what its pattern matched', async () => {
    expect((await ask(model, [user('my name is Ada')])).words).toBe('Hello, Ada.');
  });

  it('looks at the last words of the user, and shows all of them', async () => {
    const messages = [user('open'), { role: 'assistant', content: 'open' } as const, user('hm'), user('well')];
    expect((await ask(model, messages)).words).toBe('You said 3 things.');
  });

  it('says otherwise when none fits, nothing was said, or a rule has nothing to say', async () => {
    expect((await ask(model, [user('love')])).words).toBe('What is love?');
    expect((await ask(scripted([]), [])).words).toContain('did not get that');
    expect((await ask(scripted([{ when: /a/, say: '' }]), [user('a')])).words).toContain('did not get that');
  });

  it('finds a pattern with the g flag every time', async () => {
    const model = scripted([{ when: /open/g, say: 'Yes.' }]);
    for (let i = 0; i < 3; i++) expect((await ask(model, [user('open')])).words).toBe('Yes.');
  });

  it('streams word by word and ends', async () => {
    expect((await ask(model, [user('open')])).chunks).toEqual([
      { kind: 'text', text: 'We' },
      { kind: 'text', text: ' open' },
      { kind: 'text', text: ' at' },
      { kind: 'text', text: ' noon.' },
      { kind: 'end' },
    ]);
  });
});

describe('tools', () => {
  const model = scripted([
    bookTable,
    { when: /bye/, say: 'Goodbye.', call: () => ({ name: 'end_call', arguments: {} }) },
    { when: /loop/, call: () => ({ name: 'check_table', arguments: {} }) },
  ]);

  it('checks, books and says so when asked to book a table for two at eight', async () => {
    const { words, calls } = await converse(model, 'book a table for two at eight', {
      check_table: () => ({ free: true }),
      book_table: () => ({ reference: '101' }),
    });
    expect(calls).toEqual(['check_table {"people":2,"time":"20:00"}', 'book_table {"people":2,"time":"20:00"}']);
    expect(words).toBe('Your table for two at eight is booked. See you then!');
  });

  it('lets a rule decide by what the tool answered', async () => {
    const { words, calls } = await converse(model, 'book a table for two at eight', {
      check_table: () => ({ free: false }),
      book_table: () => ({}),
    });
    expect(calls).toHaveLength(1);
    expect(words).toBe('I am sorry, we are full at eight.');
  });

  it('asks for what is missing instead of calling', async () => {
    expect(await converse(model, 'book a table', { check_table: () => ({}) })).toEqual({
      words: 'For how many people?',
      calls: [],
    });
  });

  it('speaks before it calls', async () => {
    const { words, call } = await ask(model, [user('bye')], ['end_call']);
    expect(words).toBe('Goodbye.');
    expect(call).toMatchObject({ name: 'end_call', arguments: '{}' });
  });

  it('does not call what is not on offer', async () => {
    const { words, call } = await ask(model, [user('bye')]);
    expect(call).toBeUndefined();
    expect(words).toContain('did not get that');
  });

  it('does not call for ever', async () => {
    const { words, calls } = await converse(model, 'loop', { check_table: () => ({}) });
    expect(calls).toHaveLength(1);
    expect(words).toContain('did not get that');
  });

  it('begins anew when the user speaks after a result', async () => {
    const { call } = await ask(model, [user('book a table for two')], ['check_table']);
    const messages: ModelMessage[] = [
      user('book a table for two'),
      { role: 'assistant', content: '', toolCalls: call ? [call] : [] },
      { role: 'tool', toolCallId: call?.id ?? '', content: 'no JSON' },
      user('please book a table for two'),
    ];
    expect((await ask(model, messages, ['check_table'])).call?.name).toBe('check_table');
  });

  it('gives the same call id for the same conversation, and another for another', async () => {
    const idOf = async (said: string) => (await ask(model, [user(said)], ['end_call'])).call?.id;
    expect(await idOf('bye')).toMatch(/^call_[0-9a-f]{16}$/);
    expect(await idOf('bye')).toBe(await idOf('bye'));
    expect(await idOf('bye')).not.toBe(await idOf('bye bye'));
  });

  it('shows a result that is no JSON, of a call nobody remembers, as it is', async () => {
    const seen: ScriptView[] = [];
    const model = scripted([{ when: (view) => seen.push(view) > 0, say: 'Fine.' }]);
    await ask(model, [user('hm'), { role: 'tool', toolCallId: 'call_9', content: 'Failed: no' }]);
    expect(seen[0]?.results).toEqual([{ name: 'unknown', content: 'Failed: no', value: undefined }]);
  });
});

describe('time', () => {
  it('waits before the first word, by its clock', async () => {
    const clock = new ManualClock();
    const model = scripted([{ when: /slow/, say: 'At last.', delayMs: 3_000 }], { clock });
    let words: string | undefined;
    const asking = ask(model, [user('slow')]).then((answer) => {
      words = answer.words;
    });
    await clock.advance(2_999);
    expect(words).toBeUndefined();
    await clock.advance(1);
    await asking;
    expect(words).toBe('At last.');
  });

  it('stops at once when the signal aborts, while it waits and while it speaks', async () => {
    const superseded = new Fault('cancelled', 'turn.superseded', 'expected words, a newer ask came');
    for (const delayMs of [0, 3_000]) {
      const controller = new AbortController();
      const clock = new ManualClock();
      const model = scripted([{ when: /a/, say: 'One two three.', delayMs }], { clock });
      const chunks = model.stream({ messages: [user('a')], tools: [] }, controller.signal)[Symbol.asyncIterator]();
      const first = chunks.next();
      if (delayMs === 0) await first;
      controller.abort(superseded);
      await expect(delayMs === 0 ? chunks.next() : first).rejects.toBe(superseded);
    }
  });
});

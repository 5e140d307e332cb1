import { describe, expect, it } from 'vitest';
import { parseCallId } from '../src/call/call.ts';
import type { ModelMessage } from '../src/ports/language-model.ts';
import { toFault } from '../src/std/fault.ts';
import frontDesk from './front-desk.ts';

/** A caller at the desk: the scripted model, the real tools, and what each of them was asked for. */
function callTheDesk() {
  const messages: ModelMessage[] = [{ role: 'assistant', content: 'Good day, this is the Harbour Kitchen.' }];
  const asked: string[] = [];
  const names = [...Object.keys(frontDesk.tools), 'end_call'];
  const tools = names.map((name) => ({ name, description: '', parameters: {} }));
  const callId = parseCallId('call_front_desk');
  const { signal } = new AbortController();
  let turn = 0;

  async function runTool(name: string, args: string): Promise<string> {
    const prepared = await frontDesk.tools[name]?.prepare(JSON.parse(args));
    if (!prepared || 'problem' in prepared || !callId) throw new Error(`cannot prepare ${name}`);
    const nothing = () => undefined;
    const context = { callId, variables: {}, idempotencyKey: `${turn} ${prepared.key}`, signal };
    const wishes = {
      endCall: nothing,
      transfer: nothing,
      pressDigits: nothing,
      sendMetadata: nothing,
      updateAgent: nothing,
    };
    try {
      return JSON.stringify(await prepared.run({ ...context, ...wishes }));
    } catch (thrown) {
      return `Failed: ${toFault(thrown).message}`;
    }
  }

  async function say(words: string): Promise<string> {
    turn += 1;
    messages.push({ role: 'user', content: words });
    for (let round = 0; round < 4; round++) {
      let text = '';
      let hasTool = false;
      for await (const chunk of frontDesk.scriptedModel?.stream({ messages, tools }, signal) ?? []) {
        if (chunk.kind === 'text') text += chunk.text;
        if (chunk.kind !== 'toolCall') continue;
        const { id, name, arguments: args } = chunk.call;
        asked.push(name);
        if (name === 'end_call') continue;
        hasTool = true;
        messages.push({ role: 'assistant', content: '', toolCalls: [chunk.call] });
        messages.push({ role: 'tool', toolCallId: id, content: await runTool(name, args) });
      }
      if (hasTool) continue;
      messages.push({ role: 'assistant', content: text });
      return text;
    }
    throw new Error('the desk did not answer');
  }

  return { say, asked, runTool };
}

describe('the front desk, without a key', () => {
  it('checks and books a table asked for in one sentence', async () => {
    const desk = callTheDesk();
    const answer = await desk.say('book a table for two at eight');
    expect(answer).toMatch(
      /^Yes, we have a table for two tonight at eight\. It is booked, and your reference is \d{3}\.$/,
    );
    expect(desk.asked).toEqual(['check_table', 'book_table']);
  });

  it('asks for what is missing, and gathers the answers', async () => {
    const desk = callTheDesk();
    expect(await desk.say('I would like to make a reservation for tomorrow')).toMatch(
      /how many people, and at what time/,
    );
    expect(await desk.say('four')).toMatch(/At what time/);
    expect(await desk.say('half past seven')).toMatch(/table for four tomorrow at half past seven/);
  });

  it('offers another time and takes a yes', async () => {
    const desk = callTheDesk();
    expect(await desk.say('a table for three at eleven at night, eleven pm')).toMatch(
      /no table tonight at eleven\. I could offer a table at half past nine or at nine\. Which suits you\?/,
    );
    expect(await desk.say('Yes, please.')).toMatch(/table for three tonight at half past nine/);
  });

  it('books what was only asked about when it gets a yes', async () => {
    const desk = callTheDesk();
    expect(await desk.say('Do you have a table for four tomorrow at seven?')).toMatch(
      /tomorrow at seven\. Shall I book it\?/,
    );
    expect(desk.asked).toEqual(['check_table']);
    expect(await desk.say('Yes please')).toMatch(/table for four tomorrow at seven\. It is booked/);
  });

  it('makes a second booking when it is meant, and cancels the one it is told', async () => {
    const desk = callTheDesk();
    const first = await desk.say('table for 2 at 8pm');
    const second = await desk.say('and another table for two at eight please');
    const [one, two] = [first, second].map((answer) => /reference is (\d+)/.exec(answer)?.[1]);
    expect(two).not.toBe(one);
    expect(await desk.say(`please cancel ${one}`)).toMatch(/is cancelled/);
    expect(await desk.say(`please cancel ${one}`)).toMatch(/cannot find that booking/);
  });

  it('asks which booking to cancel when it knows of none', async () => {
    const desk = callTheDesk();
    expect(await desk.say('I have to cancel my table')).toMatch(/What is the reference/);
    expect(await desk.say('it is 99999')).toMatch(/cannot find that booking/);
  });

  it('knows its hours and its address', async () => {
    const desk = callTheDesk();
    expect(await desk.say('When are you open?')).toMatch(/from noon/);
    expect(await desk.say('And where are you?')).toMatch(/Harbour Street/);
  });

  it('says goodbye and hangs up', async () => {
    const desk = callTheDesk();
    expect(await desk.say("No thanks, that's all. Bye!")).toBe('Thank you for calling. Goodbye.');
    expect(desk.asked).toEqual(['end_call']);
  });

  it('says what it can do when it understands nothing', async () => {
    expect(await callTheDesk().say('The weather is fine.')).toMatch(/I can book a table/);
  });
});

describe('the front desk', () => {
  const rules = frontDesk.rules({});
  const escalates = (words: string) => rules.escalation.some(({ when }) => 'says' in when && when.says.test(words));
  const isRepeatable = (words: string) => frontDesk.cacheable.some(({ says }) => says.test(words));

  it('books the same wish once, however it is worded', async () => {
    const words = [
      { people: 2, date: 'today', time: '8pm' },
      { people: 2, date: 'tonight', time: '20:00' },
      { people: 2, time: 'eight' },
    ];
    const prepared = await Promise.all(words.map((args) => frontDesk.tools.book_table?.prepare(args)));
    const keys = prepared.map((one) => (one && 'key' in one ? one.key : undefined));
    expect(keys[0]).toBeDefined();
    expect(new Set(keys).size).toBe(1);
  });

  it.each([
    [{ people: 2, date: 'in a while', time: '20:00' }, 'a day'],
    [{ people: 2, time: 'later' }, 'a time'],
  ])('refuses what it cannot read: %j', async (args, expected) => {
    expect(await callTheDesk().runTool('check_table', JSON.stringify(args))).toContain(`Failed: expected ${expected}`);
  });

  it('hands a caller who wants a person to one', () => {
    expect(['Can I speak to a human?', 'the manager, please', 'operator'].map(escalates)).not.toContain(false);
    expect(escalates('book a table for two at eight')).toBe(false);
  });

  it('repeats its hours to anyone, and nothing that was asked beside them', () => {
    expect(
      ['When are you open?', 'what are your opening hours', 'what time do you close'].map(isRepeatable),
    ).not.toContain(false);
    expect(['are you open, and book me a table for two', 'cancel my table'].map(isRepeatable)).not.toContain(true);
  });
});

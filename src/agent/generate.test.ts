import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { agentOf, answered, end, fakeModel, orderOf, readDraft, text, toolCall } from '../../test/draft-rig.ts';
import type { ModelChunk } from '../ports/language-model.ts';
import { Fault } from '../std/fault.ts';
import { generate } from './generate.ts';
import { tool } from './tools.ts';

const request = { messages: [], tools: [] };
const idle = new AbortController().signal;
const made = (effect: 'safe' | 'once') =>
  tool({ description: 'x', effect, parameters: z.object({}), run: () => undefined });
const agent = agentOf({
  tools: { look: made('safe'), book: made('once') },
  actions: { endCall: true, pressDigits: true, transfer: { sales: '+15550100' } },
});

/** What a draft makes of these chunks of the model. */
async function chunksOf(chunks: readonly ModelChunk[], order = orderOf(), by = agent) {
  const { model } = fakeModel(() => [...chunks, end]);
  const { chunks: heard, fault } = await readDraft(generate(model, by, order, request, idle));
  expect(fault).toBeUndefined();
  return heard;
}

const END = { kind: 'end' };
const asks = (name: string, args = '{}', isSafe = true) => ({
  kind: 'tools',
  requests: [{ name, arguments: args, isSafe }],
});

describe('what a model writes', () => {
  it('leaves in whole sentences, then the end', async () => {
    expect(await chunksOf([text('We op'), text('en at nine. Any'), text('thing else?')])).toEqual([
      'We open at nine.',
      'Anything else?',
      END,
    ]);
  });

  it('leaves sentence by sentence, not at the end', async () => {
    const gate = Promise.withResolvers<void>();
    const { model } = fakeModel(async function* () {
      yield text('We open at nine. And');
      await gate.promise;
      yield end;
    });
    const draft = generate(model, agent, orderOf(), request, idle)[Symbol.asyncIterator]();
    expect((await draft.next()).value).toEqual({ kind: 'sentence', text: 'We open at nine.' });
    gate.resolve();
    await draft.return(undefined);
  });

  it('is nothing but the end where it is no word', async () => {
    expect(await chunksOf([])).toEqual([END]);
    expect(await chunksOf([text(''), text(' \n'), text('**…**')])).toEqual([END]);
  });

  it('fails as the model fails, after the sentences that were whole', async () => {
    const cut = new Fault('unavailable', 'test.cut', 'on purpose');
    const { model } = fakeModel(function* () {
      yield text('We open at nine. We close at');
      throw cut;
    });
    expect(await readDraft(generate(model, agent, orderOf(), request, idle))).toEqual({
      chunks: ['We open at nine.'],
      fault: cut,
    });
  });
});

describe('an answer that goes on', () => {
  const said = [{ kind: 'filler', text: 'One moment.' } as const, ...answered('We open at nine.', 'Yes.')];

  it('leaves out what was already spoken, in whatever rendering, each sentence once', async () => {
    const order = orderOf({ said });
    expect(await chunksOf([text('We **open** at nine! Yes. Yes. We close at five.')], order)).toEqual([
      'Yes.',
      'We close at five.',
      END,
    ]);
  });

  it('may say again what was a filler', async () => {
    expect(await chunksOf([text('One moment. ')], orderOf({ said }))).toEqual(['One moment.', END]);
  });

  it('leaves out a long sentence that was cut, though it comes in other pieces', async () => {
    const long = `${'word '.repeat(25)}, ${'more '.repeat(25)}.`;
    const first = (await chunksOf([...long].map((letter) => text(letter)))).filter(
      (chunk) => typeof chunk === 'string',
    );
    expect(first).toHaveLength(2);
    expect(await chunksOf([text(`${long} New.`)], orderOf({ said: answered(...first) }))).toEqual(['New.', END]);
  });
});

describe('tools a model asks for', () => {
  it('come after all words, in one chunk, and end the draft', async () => {
    expect(await chunksOf([text('Let me see'), toolCall('look'), toolCall('book', '{"at":8}')])).toEqual([
      'Let me see',
      {
        kind: 'tools',
        requests: [
          { name: 'look', arguments: '{}', isSafe: true },
          { name: 'book', arguments: '{"at":8}', isSafe: false },
        ],
      },
    ]);
  });

  it('let the words before them go at once', async () => {
    const gate = Promise.withResolvers<void>();
    const { model } = fakeModel(async function* () {
      yield text('Let me see.');
      yield toolCall('look');
      await gate.promise;
      yield end;
    });
    const draft = generate(model, agent, orderOf(), request, idle)[Symbol.asyncIterator]();
    expect((await draft.next()).value).toEqual({ kind: 'sentence', text: 'Let me see.' });
    gate.resolve();
    await draft.return(undefined);
  });

  it.each(['nobody', 'toString', '__proto__'])('that do not exist have no effect to wait for: %s', async (name) => {
    expect(await chunksOf([toolCall(name)])).toEqual([asks(name)]);
  });
});

describe('what a model may do with the call', () => {
  it.each([
    [toolCall('end_call'), { kind: 'end' }],
    [toolCall('end_call', 'not JSON'), { kind: 'end' }],
    [toolCall('transfer_call', '{"to":"sales"}'), { kind: 'transfer', number: '+15550100' }],
    [toolCall('press_digits', '{"digits":"12*#"}'), { kind: 'digits', digits: '12*#' }],
  ])('becomes an action: %j', async (call, action) => {
    expect(await chunksOf([text('Bye.'), call])).toEqual(['Bye.', { kind: 'action', action }, END]);
  });

  it.each([
    ['transfer_call', '{"to":"+19005550100"}'],
    ['transfer_call', '{"to":"toString"}'],
    ['transfer_call', '{"to":["sales"]}'],
    ['transfer_call', 'sales'],
    ['transfer_call', 'null'],
    ['press_digits', '{"digits":"1, then 2"}'],
    ['press_digits', '{"digits":""}'],
    ['press_digits', '{"digits":12}'],
    ['press_digits', '{}'],
  ])('does not where it makes no sense: %s %s', async (name, args) => {
    expect(await chunksOf([toolCall(name, args)])).toEqual([asks(name, args)]);
  });

  it.each([
    toolCall('end_call'),
    toolCall('transfer_call', '{"to":"sales"}'),
    toolCall('press_digits', '{"digits":"1"}'),
  ])('does not where the agent did not allow it: %j', async (call) => {
    const [chunk] = await chunksOf([call], orderOf(), agentOf());
    expect(chunk).toMatchObject({ kind: 'tools' });
  });

  it('goes with tools asked for beside it', async () => {
    expect(await chunksOf([toolCall('book'), toolCall('end_call')])).toEqual([
      { kind: 'action', action: { kind: 'end' } },
      asks('book', '{}', false),
    ]);
  });
});

describe('an unproven call', () => {
  it('is not transferred, whatever the model asks for', async () => {
    const chunks = await chunksOf([toolCall('transfer_call', '{"to":"sales"}')], orderOf({ isProven: false }));
    expect(chunks).toEqual([asks('transfer_call', '{"to":"sales"}')]);
  });
});

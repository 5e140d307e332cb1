import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DEFAULT_BUDGET } from '../call/budget.ts';
import { Fault } from '../std/fault.ts';
import { ACTION_TOOLS, type AgentDefinition, defineAgent } from './agent.ts';
import { tool } from './tools.ts';

const minimal: AgentDefinition = { name: 'front-desk', greeting: 'Hello.', instructions: 'Be kind.' };
const ping = tool({ description: 'Pings.', effect: 'safe', parameters: z.object({}), run: () => 'pong' });

/** The Fault a definition is refused with; loosely typed, as an agent's file runs unchecked. */
function refusal(definition: object): Fault | undefined {
  try {
    defineAgent({ ...minimal, ...definition });
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  return undefined;
}

describe('an agent', () => {
  it('has a default for everything but name, greeting and instructions', () => {
    const agent = defineAgent(minimal);
    expect(agent).toMatchObject({
      name: 'front-desk',
      version: '1',
      tools: {},
      actions: {},
      cacheable: [],
      variables: {},
      retellAgentIds: [],
      hearsDigits: false,
      overflow: { line: expect.stringContaining('busy'), action: { kind: 'end' } },
    });
    expect([agent.model, agent.secondModel, agent.scriptedModel]).toEqual([undefined, undefined, undefined]);
    expect(agent.rules({})).toMatchObject({
      agent: { name: 'front-desk', version: '1' },
      greeting: 'Hello.',
      budget: DEFAULT_BUDGET,
      giveUp: { after: 3, action: { kind: 'end' } },
      escalation: [],
    });
  });

  it('says whole sentences by default, since Retell speaks from a sentence end', () => {
    const { fillers, progress, reminders, farewell, handoff, uncertain, cutShort, fallback, giveUp } =
      defineAgent(minimal).safeRules;
    const lines = [...fillers, ...progress, ...reminders, farewell, handoff, uncertain, cutShort];
    for (const line of [...lines, fallback.line, giveUp.line]) expect(line).toMatch(/[.?!]$/);
  });

  it('keeps the other defaults where some are given', () => {
    const agent = defineAgent({
      ...minimal,
      version: '7',
      lines: { farewell: 'Bye.' },
      budget: { answerMs: 300 },
      fallback: { line: 'Pardon?', action: { kind: 'end' } },
    });
    const rules = agent.rules({});
    expect(rules).toMatchObject({
      agent: { version: '7' },
      farewell: 'Bye.',
      budget: { ...DEFAULT_BUDGET, answerMs: 300 },
      fallback: { line: 'Pardon?', action: { kind: 'end' } },
    });
    expect(rules.fillers).toEqual(defineAgent(minimal).rules({}).fillers);
  });

  it('makes its greeting and instructions from the variables of the call', () => {
    const agent = defineAgent({
      ...minimal,
      greeting: ({ name }) => `Hello ${name}.`,
      instructions: ({ name }) => `Serve ${name}.`,
    });
    expect(agent.rules({ name: 'Ann' }).greeting).toBe('Hello Ann.');
    expect(agent.instructions({ name: 'Bo' })).toBe('Serve Bo.');
  });

  it("has safe rules that need none of the author's code: they greet with the fallback line", () => {
    const broken = (): string => {
      throw new Error('on purpose');
    };
    const agent = defineAgent({ ...minimal, greeting: broken, fallback: { line: 'Pardon?' } });
    expect(() => agent.rules({})).toThrow('on purpose');
    expect(agent.safeRules).toEqual({
      ...defineAgent({ ...minimal, fallback: { line: 'Pardon?' } }).rules({}),
      greeting: 'Pardon?',
    });
  });

  it('hears every caller alike, whatever flags its patterns have', () => {
    const agent = defineAgent({
      ...minimal,
      escalation: [
        { when: { says: /human/gi }, line: 'One moment.', action: { kind: 'end' } },
        { when: { failures: 2 }, line: 'Sorry.', action: { kind: 'end' } },
      ],
      cacheable: [{ says: /hours/gy, step: 'any', ttlMs: 5 }],
    });
    const [first, second] = agent.rules({}).escalation;
    const hears = () => first && 'says' in first.when && first.when.says.test('A HUMAN please');
    expect([hears(), hears(), hears()]).toEqual([true, true, true]);
    expect(second?.when).toEqual({ failures: 2 });
    const [reply] = agent.cacheable;
    expect([reply?.says.test('hours'), reply?.says.test('hours')]).toEqual([true, true]);
    expect(reply).toMatchObject({ step: 'any', ttlMs: 5 });
  });
});

describe('defineAgent refuses', () => {
  it.each(['', 'Front Desk', '9lives', 'front_desk', 'a'.repeat(65), undefined, 7, 'x\n'])('the name %j', (name) => {
    expect(refusal({ name })).toMatchObject({ kind: 'invalid', reason: 'agent.bad_name' });
  });

  it.each([undefined, null, 7])('the greeting %j', (greeting) => {
    expect(refusal({ greeting })).toMatchObject({ kind: 'invalid', reason: 'agent.bad_greeting' });
  });

  it.each(['', ' \n', undefined, {}])('the instructions %j', (instructions) => {
    expect(refusal({ instructions })).toMatchObject({ kind: 'invalid', reason: 'agent.no_instructions' });
  });

  it.each([
    'book table',
    'book-table',
    '2book',
    '',
    'b'.repeat(65),
    '__proto',
    ...ACTION_TOOLS,
  ])('the tool name %j', (name) => {
    const fault = refusal({ tools: { ping, [name]: ping } });
    expect(fault).toMatchObject({ kind: 'invalid', reason: 'agent.bad_tool_name' });
    expect(fault?.message).toContain(JSON.stringify(name));
  });

  it.each([
    [{ greetings: 'Hi.' }, 'greetings', 'did you mean greeting?'],
    [{ instruction: 'Be kind.', instructions: undefined }, 'instruction', 'did you mean instructions?'],
    [{ lines: { fairwell: 'Bye.' } }, 'lines.fairwell', 'did you mean lines.farewell?'],
    [{ budget: { filerMs: 500 } }, 'budget.filerMs', 'did you mean budget.fillerMs?'],
    [{ actions: { endcall: true } }, 'actions.endcall', 'did you mean actions.endCall?'],
    [{ actions: { sing: true } }, 'actions.sing', 'use one of: endCall, transfer, pressDigits'],
    [{ lines: { toString: 'Hm.' } }, 'lines.toString', expect.stringMatching(/^use one of: fillers, /)],
  ])('a key that it does not know, and names the nearest: %j', (definition, key, fix) => {
    const fault = refusal(definition);
    expect(fault).toMatchObject({ kind: 'invalid', reason: 'agent.unknown_key', fixes: [fix] });
    expect(fault?.message).toContain(JSON.stringify(key));
  });

  it.each([
    ['a definition', { description: 'Pings.', effect: 'safe', parameters: z.object({}), run: () => 'pong' }],
    ['a copy', { ...ping }],
    ['a function', () => 'pong'],
    ['nothing', undefined],
  ])('%s where a tool made by tool() should be', (_, given) => {
    const fault = refusal({ tools: { ping, pong: given } });
    expect(fault).toMatchObject({ kind: 'invalid', reason: 'agent.bad_tool' });
    expect(fault?.message).toContain('pong');
  });

  it.each([
    { lines: { fillers: [] } },
    { lines: { fillers: ['One moment.', ''] } },
    { lines: { farewell: ' ' } },
    { lines: { reminders: [''] } },
    { lines: { uncertain: undefined } },
    { fallback: { line: '' } },
    { giveUp: { after: 3, line: '', action: { kind: 'end' } } },
    { overflow: { line: '', action: { kind: 'end' } } },
    { escalation: [{ when: { failures: 1 }, line: '', action: { kind: 'end' } }] },
  ])('silence where a line should be: %j', (definition) => {
    expect(refusal(definition)).toMatchObject({ kind: 'invalid', reason: 'agent.empty_line' });
  });

  it.each([
    { fillerMs: 1_001 },
    { fillerMs: 0 },
    { fillerMs: -1 },
    { fillerAgainMs: 700 },
    { fillerAgainMs: 6_000 },
    { finalMs: 30_000 },
    { limitMs: Number.POSITIVE_INFINITY },
    { limitMs: 600_001 },
    { secondFloorMs: 2_001 },
    { secondFloorMs: Number.NaN },
    { secondMs: Number.POSITIVE_INFINITY },
    { answerMs: 0 },
    { answerMs: Number.NaN },
  ])('the budget %o', (budget) => {
    expect(refusal({ budget })).toMatchObject({ kind: 'invalid', reason: 'agent.bad_budget' });
  });
});

describe('defineAgent takes', () => {
  it.each([
    { fillerMs: 1_000 },
    { fillerAgainMs: 701 },
    { finalMs: 29_999 },
    { limitMs: 600_000 },
    { secondFloorMs: 2_000 },
    { secondMs: 600_000 },
  ])('the budget %o', (budget) => {
    expect(refusal({ budget })).toBeUndefined();
  });

  it.each([
    { greeting: '' },
    { lines: { progress: [], reminders: [] } },
    { tools: { book_table2: ping } },
    { name: 'a'.repeat(64) },
  ])('%o', (definition) => {
    expect(refusal(definition)).toBeUndefined();
  });
});

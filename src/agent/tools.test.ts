import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { parseCallId } from '../call/call.ts';
import { Fault, toFault } from '../std/fault.ts';
import { refuse, type Tool, type ToolContext, type ToolEffect, type ToolWishes, tool, toolContext } from './tools.ts';

const base = { description: 'Books.', run: () => 'booked' } as const;
const callId = parseCallId('call_tools');
const { signal } = new AbortController();

function contextFor(wishes: ToolWishes): ToolContext {
  if (!callId) throw new Error('a call id is malformed');
  return toolContext({ callId, variables: { name: 'Ann' }, idempotencyKey: 'k', signal }, wishes);
}

/** What `make` throws: a Fault's reason. */
function reasonOf(make: () => unknown): string {
  try {
    make();
  } catch (thrown) {
    return thrown instanceof Fault ? `${thrown.kind} ${thrown.reason}` : 'not a Fault';
  }
  return 'nothing';
}

async function prepared(made: Tool, args: unknown) {
  const result = await made.prepare(args);
  if ('problem' in result) throw new Error(result.problem);
  return result;
}

describe('a tool', () => {
  it('has defaults, and the JSON Schema of its arguments', () => {
    const made = tool({ ...base, effect: 'safe', parameters: z.object({ people: z.int() }) });
    expect(made).toMatchObject({ description: 'Books.', effect: 'safe', scope: 'call', timeoutMs: 8_000 });
    expect(made.parameters).toMatchObject({ type: 'object', required: ['people'] });
  });

  it('knows the types of its arguments from the schema, after its transforms', () => {
    tool({
      ...base,
      effect: 'once',
      parameters: z.object({ people: z.int().default(2), on: z.iso.date().transform((text) => new Date(text)) }),
      key: (args) => {
        expectTypeOf(args).toEqualTypeOf<{ people: number; on: Date }>();
        return '';
      },
      lookup: async (args) => {
        expectTypeOf(args.on).toEqualTypeOf<Date>();
      },
      run: (args, context) => {
        expectTypeOf(args).toEqualTypeOf<{ people: number; on: Date }>();
        expectTypeOf(context).toEqualTypeOf<ToolContext>();
        // @ts-expect-error the schema has no such argument
        return args.nobody;
      },
    });
  });

  it('hands validated arguments to run and lookup, whether or not they are async', async () => {
    const seen: unknown[] = [];
    const made = tool({
      ...base,
      effect: 'once',
      parameters: z.object({ people: z.coerce.number().default(2) }),
      run: (args) => seen.push(args),
      lookup: (async (args: unknown) => seen.push(args)) as never,
    });
    const ready = await prepared(made, { people: '4', extra: 'dropped' });
    await ready.run(contextFor({ tells: [] }));
    await ready.lookup?.(contextFor({ tells: [] }));
    expect(seen).toEqual([{ people: 4 }, { people: 4 }]);
    const thrower = tool({
      ...base,
      effect: 'safe',
      parameters: z.object({}),
      run: () => {
        throw refuse('no');
      },
    });
    await expect((await prepared(thrower, {})).run(contextFor({ tells: [] }))).rejects.toThrow('no');
  });

  it('says what does not fit in the words of the schema, with the place', async () => {
    const parameters = z.object({
      people: z.int('whole people only'),
      at: z.object({ hour: z.int().max(23, 'too late') }),
    });
    const made = tool({ ...base, effect: 'safe', parameters });
    expect(await made.prepare({ people: 1.5, at: { hour: 25 } })).toEqual({
      problem: 'people: whole people only; at.hour: too late',
    });
    expect(await made.prepare(undefined)).toEqual({ problem: expect.stringContaining('expected object') });
    expect(await made.prepare(JSON.parse('{"__proto__":{"people":1}}'))).toHaveProperty('problem');
    expect({}).not.toHaveProperty('people');
  });

  it('waits for a schema that takes its time', async () => {
    const parameters = z.object({ code: z.enum(['a', 'b']).refine(async (code) => code === 'a', 'unknown code') });
    const made = tool({ ...base, effect: 'once', parameters });
    expect(await made.prepare({ code: 'b' })).toEqual({ problem: 'code: unknown code' });
    expect(await made.prepare({ code: 'a' })).toHaveProperty('key');
  });
});

describe('the key of a use', () => {
  const parameters = z.object({ people: z.int(), outdoors: z.boolean().default(false) });

  it('is the canonical arguments, as the schema made them', async () => {
    const made = tool({ ...base, effect: 'once', parameters });
    const one = await prepared(made, { people: 2 });
    const other = await prepared(made, { outdoors: false, people: 2 });
    expect(one.key).toBe(other.key);
    expect((await prepared(made, { people: 3 })).key).not.toBe(one.key);
  });

  it('tells two dates apart', async () => {
    const on = z.iso.date().transform((text) => new Date(text));
    const made = tool({ ...base, effect: 'once', parameters: z.object({ on }) });
    const keys = await Promise.all(
      ['2030-01-01', '2030-01-02'].map(async (day) => (await prepared(made, { on: day })).key),
    );
    expect(keys[0]).not.toBe(keys[1]);
  });

  it("is the author's where they gave one", async () => {
    const made = tool({ ...base, effect: 'once', parameters, key: ({ people }) => `for ${people}` });
    expect((await prepared(made, { people: 2, outdoors: true })).key).toBe('for 2');
  });
});

describe('a once tool without a key', () => {
  const makes = (parameters: Parameters<typeof tool>[0]['parameters'], effect: ToolEffect = 'once') =>
    reasonOf(() => tool({ ...base, effect, parameters }));

  it.each([
    ['a text', z.object({ time: z.string() })],
    ['an optional text', z.object({ time: z.string().optional() })],
    ['a text or null', z.object({ time: z.string().nullable() })],
    ['a bounded text', z.object({ time: z.string().min(1).max(5) })],
    ['a text in a list', z.object({ names: z.array(z.string()) })],
    ['a text in a tuple', z.object({ names: z.tuple([z.int(), z.string()]) })],
    ['a text in an object in a list', z.object({ guests: z.array(z.object({ name: z.string() })) })],
    ['a text in a choice', z.object({ who: z.union([z.int(), z.string()]) })],
    ['a text in a part that is met twice', z.object({ a: z.array(z.string()).meta({ id: 'names' }) })],
    ['names of its own', z.object({ people: z.record(z.string(), z.int()) })],
    ['anything', z.object({ what: z.unknown() })],
    ['anything more', z.looseObject({ people: z.int() })],
  ])('is refused where it takes %s', (_, parameters) => {
    expect(makes(parameters)).toBe('invalid tool.key_needed');
    expect(makes(parameters, 'idempotent')).toBe('nothing');
    expect(makes(parameters, 'safe')).toBe('nothing');
    expect(reasonOf(() => tool({ ...base, effect: 'once', parameters, key: () => 'k' }))).toBe('nothing');
  });

  it.each([
    ['nothing', z.object({})],
    ['numbers and booleans', z.object({ people: z.int(), outdoors: z.boolean().nullable() })],
    ['a choice', z.object({ size: z.enum(['small', 'large']), kind: z.literal('table') })],
    ['a format', z.object({ on: z.iso.date(), id: z.uuid(), mail: z.email() })],
    ['a pattern', z.object({ time: z.string().regex(/^\d\d:\d\d$/) })],
    ['a choice of names', z.object({ people: z.partialRecord(z.enum(['adults', 'children']), z.int()) })],
    ['arguments named as keywords are', z.object({ type: z.int(), enum: z.int(), items: z.literal('string') })],
  ])('is fine where it takes %s', (_, parameters) => {
    expect(makes(parameters)).toBe('nothing');
  });
});

describe('a tool that could not work is refused where it is made', () => {
  const parameters = z.object({});

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 600_001])('with a deadline of %s ms', (timeoutMs) => {
    expect(reasonOf(() => tool({ ...base, effect: 'safe', parameters, timeoutMs }))).toBe('invalid tool.bad_timeout');
  });

  it('with an effect that is none', () => {
    expect(reasonOf(() => tool({ ...base, effect: 'Once' as ToolEffect, parameters }))).toBe('invalid tool.bad_effect');
  });

  it.each([
    ['is not an object', z.string()],
    [
      'is one of several objects',
      z.discriminatedUnion('k', [z.object({ k: z.literal(1) }), z.object({ k: z.literal(2) })]),
    ],
    ['cannot be written as JSON', z.object({ on: z.date() })],
  ])('with a schema that %s', (_, schema) => {
    expect(reasonOf(() => tool({ ...base, effect: 'safe', parameters: schema }))).toBe('invalid tool.bad_schema');
  });
});

describe('while it runs, a tool', () => {
  it('may wish one action for the end of the turn, the last one it names', () => {
    const wishes: ToolWishes = { tells: [] };
    const context = contextFor(wishes);
    context.endCall();
    expect(wishes.action).toEqual({ kind: 'end' });
    context.pressDigits('1#');
    expect(wishes.action).toEqual({ kind: 'digits', digits: '1#' });
    context.transfer('+15550100', { showCaller: true });
    expect(wishes.action).toEqual({ kind: 'transfer', number: '+15550100', showCaller: true });
    context.transfer('+15550100');
    expect(wishes.action).toEqual({ kind: 'transfer', number: '+15550100' });
  });

  it('may tell Retell any number of things', () => {
    const wishes: ToolWishes = { tells: [] };
    const context = contextFor(wishes);
    context.sendMetadata({ step: 1 });
    context.updateAgent({ responsiveness: 0.5 });
    expect(wishes.tells).toEqual([
      { kind: 'metadata', metadata: { step: 1 } },
      { kind: 'agent', config: { responsiveness: 0.5 } },
    ]);
    expect(context).toMatchObject({ callId, variables: { name: 'Ann' }, idempotencyKey: 'k', signal });
  });

  it('refuses with a reason of its own', () => {
    expect(toFault(refuse('that table is taken'))).toMatchObject({
      kind: 'conflict',
      reason: 'tool.refused',
      message: 'that table is taken',
    });
  });
});

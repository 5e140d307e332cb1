import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  asker,
  type BookDefinition,
  callIdOf,
  counting,
  done,
  EIGHT,
  EIGHT_KEY,
  setUpDesk,
} from '../../test/desk-rig.ts';
import { sleep } from '../std/clock.ts';
import { settle } from '../std/manual-clock.ts';
import { refuse, type ToolContext, tool } from './tools.ts';

describe('a tool asked for twice', () => {
  it.each(['once', 'idempotent'] as const)('acts once when it is %s, and answers the same again', async (effect) => {
    const { book, seen } = counting(effect);
    const { ask } = setUpDesk({ book });
    expect(await ask(EIGHT)).toEqual(done('booked'));
    expect(await ask(EIGHT, { request: 2 })).toEqual({ kind: 'done', content: 'booked' });
    expect(seen.effects).toEqual(['20:00']);
  });

  it('reads anew when it is safe', async () => {
    const { book, seen } = counting('safe');
    const { ask } = setUpDesk({ book });
    await ask(EIGHT);
    await ask(EIGHT);
    expect(seen.effects).toHaveLength(2);
  });

  it('acts once when it is asked for in other words that have one key', async () => {
    const key: BookDefinition['key'] = ({ time }) => (time === '8pm' ? '20:00' : time);
    const { book, seen } = counting('once', { key });
    const { ask } = setUpDesk({ book });
    await ask({ time: '8pm' });
    await ask(' { "time" : "20:00" } ');
    expect(seen.effects).toEqual(['8pm']);
    await ask({ time: '21:00' });
    expect(seen.effects).toEqual(['8pm', '21:00']);
  });

  it('acts for each call and under each name', async () => {
    const { book, seen } = counting('once');
    const { ask } = setUpDesk({ book, reserve: book });
    await ask(EIGHT);
    await ask(EIGHT, { callId: callIdOf('call_desk_2') });
    await ask(EIGHT, { name: 'reserve' });
    expect(seen.effects).toHaveLength(3);
    expect(new Set(seen.keys).size).toBe(3);
  });

  it('acts anew in the next request where its scope is the request, under another idempotency key', async () => {
    const { book, seen } = counting('once', { scope: 'request' });
    const { ask } = setUpDesk({ book });
    await ask(EIGHT);
    await ask(EIGHT);
    expect(seen.effects).toHaveLength(1);
    await ask(EIGHT, { request: 2 });
    expect(seen.effects).toHaveLength(2);
    expect(new Set(seen.keys).size).toBe(2);
  });

  it('joins the run that is on its way, from another session too', async () => {
    const { book, seen } = counting('once', { run: async () => sleep(clock, 1_000, new AbortController().signal) });
    const { ask, clock, desk } = setUpDesk({ book });
    const first = ask(EIGHT);
    await clock.advance(500);
    const redialled = asker(desk, { book });
    const second = redialled(EIGHT, { granted: [EIGHT_KEY] });
    await clock.advance(500);
    expect(await Promise.all([first, second])).toEqual([done('done'), done('done')]);
    expect(seen.effects).toHaveLength(1);
  });

  it('acts once when it is asked for by many at the same moment', async () => {
    const { book, seen } = counting('once');
    const { ask } = setUpDesk({ book });
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => ask(EIGHT)));
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome)))).toEqual(
      new Set([JSON.stringify(done('booked'))]),
    );
    expect(seen.effects).toHaveLength(1);
  });

  it('owes its action to whoever asks again, and tells what it told only once', async () => {
    const run: BookDefinition['run'] = (_args, context) => {
      context.sendMetadata({ booked: true });
      context.endCall();
      return 'booked';
    };
    const { book } = counting('once', { run });
    const { ask } = setUpDesk({ book });
    const action = { kind: 'end' };
    expect(await ask(EIGHT)).toMatchObject({ kind: 'done', action, tells: [{ kind: 'metadata' }] });
    expect(await ask(EIGHT)).toEqual({ kind: 'done', content: 'booked', action });
  });
});

describe('a call that is not proven', () => {
  it('cannot run once tools, nor learn what they answered', async () => {
    const { book, seen } = counting('once');
    const { ask } = setUpDesk({ book });
    const refused = { kind: 'failed', content: 'not possible: this call is not verified yet' };
    expect(await ask(EIGHT, { isProven: false })).toEqual(refused);
    expect(seen.effects).toEqual([]);
    await ask(EIGHT);
    expect(await ask(EIGHT, { isProven: false })).toEqual(refused);
  });

  it.each(['safe', 'idempotent'] as const)('can run %s ones', async (effect) => {
    expect(await setUpDesk({ book: counting(effect).book }).ask(EIGHT, { isProven: false })).toEqual(done('booked'));
  });
});

describe('a session that may have lost its call', () => {
  it('runs no once tool, and all others', async () => {
    const isHeld = async () => false;
    const { book, seen } = counting('once');
    const { ask } = setUpDesk({ book });
    expect(await ask(EIGHT, { isHeld })).toMatchObject({ kind: 'failed' });
    expect(seen.effects).toEqual([]);
    expect(await ask(EIGHT, { isHeld: async () => true })).toEqual(done('booked'));
    for (const effect of ['safe', 'idempotent'] as const) {
      expect(await setUpDesk({ book: counting(effect).book }).ask(EIGHT, { isHeld })).toEqual(done('booked'));
    }
  });
});

describe('more than ten runs of one tool at once', () => {
  it('fail at once, and leave their key free', async () => {
    const gate = Promise.withResolvers<string>();
    const { book, seen } = counting('once', { run: () => gate.promise });
    const other = counting('once').book;
    const { ask, desk } = setUpDesk({ book, other });
    const running = Array.from({ length: 10 }, (_, n) => ask({ time: `${n}` }));
    await settle();
    expect(await ask({ time: 'eleven' })).toMatchObject({
      kind: 'failed',
      content: expect.stringContaining('at most 10'),
    });
    expect(await ask({ time: 'eleven' }, { name: 'other' })).toEqual(done('booked'));
    // Another agent's tool of the same name is another tool.
    expect(await asker(desk, { book: other })({ time: 'twelve' })).toEqual(done('booked'));
    gate.resolve('booked');
    await Promise.all(running);
    expect(await ask({ time: 'eleven' })).toEqual(done('booked'));
    expect(seen.effects).toHaveLength(11);
  });
});

describe('what the model sends', () => {
  it.each(['toString', '__proto__', 'nobody'])('names no tool: %s', async (name) => {
    const { book } = counting('once');
    expect(await setUpDesk({ book }).ask(EIGHT, { name })).toEqual({
      kind: 'failed',
      content: `there is no tool named ${name}`,
    });
  });

  it.each(['{"time":', 'eight', '{"time":"8"} trailing', '\u0000'])('is not JSON: %j', async (text) => {
    const { book, seen } = counting('once', {});
    const lenient = tool({ description: 'x', effect: 'safe', parameters: z.object({}).catch({}), run: () => 'ran' });
    const { ask } = setUpDesk({ book, lenient });
    const problem = { kind: 'failed', content: 'these arguments do not fit: expected JSON' };
    expect(await ask(text)).toEqual(problem);
    expect(await ask(text, { name: 'lenient' })).toEqual(problem);
    expect(seen.effects).toEqual([]);
  });

  it('does not fit the schema, and says where', async () => {
    const { book } = counting('once');
    const { ask } = setUpDesk({ book });
    expect(await ask({ time: 8 })).toMatchObject({
      kind: 'failed',
      content: expect.stringMatching(/do not fit: time: /),
    });
    expect(await ask('[]')).toMatchObject({ kind: 'failed' });
    expect(await ask(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)).toMatchObject({ kind: 'failed' });
  });

  it('is empty where a tool needs nothing', async () => {
    const ping = tool({ description: 'x', effect: 'once', parameters: z.object({}), run: () => 'pong' });
    const { ask } = setUpDesk({ ping });
    expect(await ask('', { name: 'ping' })).toEqual(done('pong'));
    expect(await ask(' ', { name: 'ping' })).toEqual({ kind: 'done', content: 'pong' });
  });
});

describe('what a tool answers', () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;

  it.each([
    ['a text as it is', 'booked', 'booked'],
    ['an object as JSON', { at: '20:00' }, '{"at":"20:00"}'],
    ['nothing as "done"', undefined, 'done'],
    ['null as null', null, 'null'],
    ['an empty text as it is', '', ''],
    ['a circle as "done"', circle, 'done'],
    ['a bigint as "done"', 1n, 'done'],
  ])('is %s', async (_, result, content) => {
    const { book, seen } = counting('once', { run: () => result });
    const { ask } = setUpDesk({ book });
    expect(await ask(EIGHT)).toEqual(done(content));
    expect(await ask(EIGHT)).toEqual({ kind: 'done', content });
    expect(seen.effects).toHaveLength(1);
  });

  it('is cut where it is huge, and never inside a character', async () => {
    const { book } = counting('once', { run: () => `x${'🎉'.repeat(100_000)}` });
    const outcome = await setUpDesk({ book }).ask(EIGHT);
    const content = outcome.kind === 'done' ? outcome.content : '';
    expect(content).toHaveLength(15_000);
    expect(content.isWellFormed()).toBe(true);
  });

  it.each<[string, (context: ToolContext) => void, object]>([
    ['to hang up', (context) => context.endCall(), { action: { kind: 'end' }, tells: [] }],
    [
      'to transfer',
      (context) => context.transfer('+15550100', { showCaller: true }),
      { action: { kind: 'transfer', number: '+15550100', showCaller: true }, tells: [] },
    ],
    [
      'to press keys',
      (context) => context.pressDigits('12#'),
      { action: { kind: 'digits', digits: '12#' }, tells: [] },
    ],
    [
      'to tell the frontend',
      (context) => context.sendMetadata({ step: 2 }),
      { tells: [{ kind: 'metadata', metadata: { step: 2 } }] },
    ],
    [
      'to tune the agent',
      (context) => context.updateAgent({ responsiveness: 1 }),
      { tells: [{ kind: 'agent', config: { responsiveness: 1 } }] },
    ],
  ])('comes with its wish %s', async (_, wish, wished) => {
    const { book } = counting('safe', { run: (_args, context) => wish(context) });
    expect(await setUpDesk({ book }).ask(EIGHT)).toEqual({ kind: 'done', content: 'done', ...wished });
  });

  it('does not change once it has answered, and what failed wishes nothing', async () => {
    let late: (() => void) | undefined;
    const run: BookDefinition['run'] = ({ time }, context) => {
      late = () => context.sendMetadata({ late: true });
      context.endCall();
      if (time === 'never') throw refuse('no');
    };
    const { ask } = setUpDesk({ book: counting('safe', { run }).book });
    const outcome = await ask(EIGHT);
    late?.();
    expect(outcome).toMatchObject({ tells: [] });
    expect(await ask({ time: 'never' })).toEqual({ kind: 'failed', content: 'no' });
  });
});

import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { scripted } from './adapters/models/scripted.ts';
import { defineAgent } from './agent/agent.ts';
import { tool } from './agent/tools.ts';
import type { LanguageModel } from './ports/language-model.ts';
import { sleep, systemClock } from './std/clock.ts';
import { ManualClock, playCall } from './testing.ts';

const LONG = 'We open at noon. The last table is at nine. The kitchen closes at ten.';
const booked: string[] = [];

const bookTable = tool({
  description: 'Books a table.',
  effect: 'once',
  parameters: z.object({ people: z.int() }),
  run: ({ people }, { idempotencyKey }) => {
    booked.push(idempotencyKey);
    return `a table for ${people}`;
  },
});

const script = scripted([
  {
    when: /table for (\d)/,
    call: ({ match }) => ({ name: 'book_table', arguments: { people: Number(match?.[1]) } }),
    after: ({ content }) => `You have ${content}.`,
  },
  { when: /hours/, say: LONG },
  { when: /bye/, say: 'Goodbye.', call: () => ({ name: 'end_call', arguments: {} }) },
]);

const desk = defineAgent({
  name: 'front-desk',
  greeting: ({ name = 'stranger' }) => `Hello ${name}. How can I help?`,
  instructions: 'Be kind.',
  scriptedModel: script,
  actions: { endCall: true },
  tools: { book_table: bookTable },
  lines: { fillers: ['One moment.'], reminders: ['Are you there?'] },
  fallback: { line: 'Say that again?' },
});

describe('a played call', () => {
  it('begins with the greeting, made from its variables', async () => {
    const call = await playCall(desk, { variables: { name: 'Ida' } });
    expect(call.heard).toEqual(['Hello Ida.', 'How can I help?']);
    await call.end();
  });

  it('answers what is said, runs the agent’s tools and carries its actions out', async () => {
    await using call = await playCall(desk);
    const before = booked.length;
    expect(await call.says('a table for 2')).toEqual(['You have a table for 2.']);
    expect(await call.says('bye')).toEqual(['Goodbye.']);
    expect(call.heard).toEqual(['Hello stranger.', 'How can I help?', 'You have a table for 2.', 'Goodbye.']);
    expect([call.tools, booked.length - before]).toEqual([['book_table'], 1]);
    expect(call.actions).toEqual([{ kind: 'end' }]);
    expect(call.facts.filter(({ type }) => type === 'call.turn')).toMatchObject([
      { outcome: 'answered', tools: 1 },
      { outcome: 'answered', tools: 0 },
    ]);
  });

  it('lets the caller speak over an answer, and then knows what was heard of it', async () => {
    const told: string[] = [];
    const model: LanguageModel = {
      name: 'test/told',
      async *stream(request, signal) {
        told.push(...request.messages.flatMap(({ role, content }) => (role === 'assistant' ? [content] : [])));
        yield* script.stream(request, signal);
      },
    };
    await using call = await playCall(desk, { model });
    expect(await call.says('your hours please')).toHaveLength(3);
    await call.interrupt('a table for 2', { afterSentence: 1 });
    expect(call.heard).toEqual(['Hello stranger.', 'How can I help?', 'We open at noon.', 'You have a table for 2.']);
    expect(told).toContain('We open at noon.');
    expect(told).not.toContain(LONG);
    await call.interrupt('your hours please');
    expect(call.heard).not.toContain('You have a table for 2.');
  });

  it('lets the caller speak before there is an answer: it is never said', async () => {
    const slow = scripted([
      { when: /slow/, say: 'Too late.', delayMs: 60_000 },
      { when: /quick/, say: 'Here.' },
    ]);
    await using call = await playCall(desk, { model: slow });
    const first = call.says('slow');
    expect(await call.interrupt('quick')).toEqual(['Here.']);
    await first;
    expect(call.heard).not.toContain('Too late.');
  });

  it('hears what the agent says to a silent caller, and to a silent model', async () => {
    const silent: LanguageModel = {
      name: 'test/silent',
      async *stream(_request, signal) {
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    };
    await using call = await playCall(desk, { model: silent });
    expect(await call.silence()).toEqual(['Are you there?']);
    expect(await call.says('hello?')).toEqual(['One moment.', 'One moment.', 'Say that again?']);
  });

  it('goes on after its socket was lost, without a word twice', async () => {
    await using call = await playCall(desk);
    await call.says('a table for 2');
    const before = booked.length;
    await call.dropSocket();
    await expect(call.says('hello?')).rejects.toMatchObject({ reason: 'testing.no_socket' });
    await call.wait(5_000);
    expect(await call.redial()).toEqual([]);
    expect(await call.says('a table for 2')).toEqual(['You have a table for 2.']);
    expect(booked.length).toBe(before);
    expect(call.heard.filter((sentence) => sentence === 'Hello stranger.')).toHaveLength(1);
  });

  it('answers an open ask once the socket is back', async () => {
    let isFirst = true;
    const model: LanguageModel = {
      name: 'test/first-hangs',
      async *stream(request, signal) {
        if (isFirst) {
          isFirst = false;
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        }
        yield* script.stream(request, signal);
      },
    };
    await using call = await playCall(desk, { model });
    const cut = call.says('your hours please');
    await call.dropSocket();
    expect(await cut).toEqual([]);
    expect(await call.redial()).toHaveLength(3);
  });

  it('that nobody vouches for runs no tool that acts', async () => {
    await using call = await playCall(desk, { isProven: false });
    const before = booked.length;
    expect((await call.says('a table for 3')).join(' ')).toContain('not verified');
    expect(booked.length).toBe(before);
  });

  it('waits for models that take real time when it is told to', async () => {
    const model: LanguageModel = {
      name: 'test/network',
      async *stream(request, signal) {
        await sleep(systemClock, 60, signal);
        yield* script.stream(request, signal);
      },
    };
    await using call = await playCall(desk, { model, isRealTime: true });
    expect(await call.says('your hours please')).toEqual([
      'We open at noon.',
      'The last table is at nine.',
      'The kitchen closes at ten.',
    ]);
  });

  it('of an agent without a model says what is missing', async () => {
    const mute = defineAgent({ name: 'mute', greeting: 'Hello.', instructions: 'Be kind.' });
    await expect(playCall(mute)).rejects.toMatchObject({ reason: 'testing.no_model' });
  });
});

it('the clock that stands still is here for tests of tools', async () => {
  const clock = new ManualClock(1_000);
  await clock.advance(500);
  expect(clock.now()).toBe(1_500);
});

import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  agentOf,
  agentSaid,
  end,
  fakeModel,
  LEFT,
  settledOf,
  setUpResponder,
  text,
  toolCall,
  userSaid,
} from '../../test/draft-rig.ts';
import { memoryReplyCache } from '../adapters/memory/reply-cache.ts';
import type { ModelChunk } from '../ports/language-model.ts';
import type { ReplyCache } from '../ports/reply-cache.ts';
import { Fault } from '../std/fault.ts';
import { ManualClock, settle } from '../std/manual-clock.ts';
import type { AgentDefinition } from './agent.ts';
import { tool } from './tools.ts';

const END = { kind: 'end' };
const OPEN: Partial<AgentDefinition> = { cacheable: [{ says: /open/ }] };
const broken = new Fault('unavailable', 'test.broken', 'on purpose');
const says = (...words: readonly string[]): ModelChunk[] => [...words.map(text), end];
const fails = (): never => {
  throw broken;
};

describe('a repeatable reply', () => {
  it('is spoken again without a model request, until its time is over', async () => {
    const { model, seen } = fakeModel((nth) => says(`We open at nine. (${nth})`));
    const agent = agentOf({ ...OPEN, model });
    const { draft, clock } = setUpResponder();
    const first = await draft(agent);
    expect(first.chunks).toEqual(['We open at nine.', '(0)', END]);
    expect(await draft(agent, { variables: { name: 'Ann' }, responseId: 7 })).toEqual(first);
    expect(seen.requests).toHaveLength(1);
    await clock.advance(3_600_000);
    expect((await draft(agent)).chunks).toEqual(['We open at nine.', '(1)', END]);
  });

  it('is asked for without anything of the caller, and without tools', async () => {
    const { model, seen } = fakeModel(() => says('At nine.'));
    const look = tool({ description: 'x', effect: 'safe', parameters: z.object({}), run: () => 1 });
    const agent = agentOf({
      model,
      instructions: ({ name }) => `You serve ${name}.`,
      variables: { name: 'someone' },
      tools: { look },
      actions: { endCall: true },
      cacheable: [{ says: /open/, step: 'any' }],
    });
    await setUpResponder().draft(agent, {
      variables: { name: 'Ann Smith' },
      transcript: [userSaid('I am Ann Smith.'), agentSaid('You owe us 50, Ann Smith.'), userSaid('When are you open?')],
      settledTools: [settledOf(1, 'look', { kind: 'done', content: 'Ann Smith owes 50' })],
      said: [{ kind: 'filler', text: 'One moment, Ann Smith.' }],
    });
    expect(JSON.stringify(seen.requests)).not.toMatch(/Ann|50/);
    expect(seen.requests[0]?.messages).toMatchObject([
      { content: expect.stringContaining('someone') },
      { role: 'user', content: 'When are you open?' },
    ]);
    expect(seen.requests[0]?.tools).toEqual([]);
  });

  it('is none where the words were not declared: each caller is asked for', async () => {
    const { model, seen } = fakeModel(() => says('At nine.'));
    const { draft } = setUpResponder();
    for (let i = 0; i < 2; i++) await draft(agentOf({ model }));
    expect(seen.requests).toHaveLength(2);
  });

  it.each<[string, () => ModelChunk[]]>([
    ['asked for a tool', () => [text('Let me see. '), toolCall('look'), end]],
    ['asked to hang up', () => [text('Goodbye. '), toolCall('end_call'), end]],
    ['said nothing', () => [end]],
  ])('is not kept where the model %s', async (_, say) => {
    const { model, seen } = fakeModel(say);
    const agent = agentOf({ ...OPEN, model, actions: { endCall: true } });
    const { draft } = setUpResponder();
    const first = await draft(agent);
    expect(await draft(agent)).toEqual(first);
    expect(seen.requests).toHaveLength(2);
  });

  it('is not kept where the model failed in the middle', async () => {
    const { model } = fakeModel(function* (nth) {
      yield text('We open at nine. ');
      if (nth === 0) fails();
      yield* says('And close at five.');
    });
    const { draft } = setUpResponder();
    const agent = agentOf({ ...OPEN, model });
    expect(await draft(agent)).toEqual({ chunks: ['We open at nine.'], fault: broken });
    expect((await draft(agent)).chunks).toEqual(['We open at nine.', 'And close at five.', END]);
  });

  it.each(['get', 'put'] as const)('is made anew where the cache fails to %s', async (method) => {
    const { model, seen } = fakeModel(() => says('At nine.'));
    const cache: ReplyCache = { ...memoryReplyCache(new ManualClock()), [method]: () => Promise.reject(broken) };
    const { draft } = setUpResponder({ cache });
    const agent = agentOf({ ...OPEN, model });
    for (let i = 0; i < 2; i++) expect(await draft(agent)).toEqual({ chunks: ['At nine.', END], fault: undefined });
    expect(seen.requests).toHaveLength(2);
  });

  it('waits for no cache once it is aborted', async () => {
    const cache: ReplyCache = {
      put: async () => {},
      get: (_key, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    };
    const { model, seen } = fakeModel(() => says('At nine.'));
    const draft = setUpResponder({ cache }).start(agentOf({ ...OPEN, model }));
    await settle();
    draft.abort();
    expect((await draft.done).fault).toBe(LEFT);
    expect(seen.requests).toEqual([]);
  });
});

describe('two callers who ask the same at once', () => {
  function twoCallers() {
    const gates: PromiseWithResolvers<void>[] = [];
    const { model, seen } = fakeModel(async function* () {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      yield text('We open at nine. ');
      await gate.promise;
      yield* says('We close at five.');
    });
    const agent = agentOf({ ...OPEN, model });
    const house = setUpResponder();
    return { ...house, seen, open: () => gates.map(({ resolve }) => resolve()), join: () => house.start(agent) };
  }
  const whole = { chunks: ['We open at nine.', 'We close at five.', END], fault: undefined };

  it('share one model request, each from the beginning', async () => {
    const { join, open, seen } = twoCallers();
    const first = join();
    await settle();
    const second = join();
    await settle();
    expect([first.heard, second.heard]).toEqual([['We open at nine.'], ['We open at nine.']]);
    open();
    expect(await Promise.all([first.done, second.done])).toEqual([whole, whole]);
    expect(seen.requests).toHaveLength(1);
  });

  it('do not silence each other: the request goes on until the last has left', async () => {
    const { join, open, seen } = twoCallers();
    const [first, second, third] = [join(), join(), join()];
    await settle();
    first.abort();
    expect((await first.done).fault).toBe(LEFT);
    expect(seen.aborted).toEqual([]);
    third.abort();
    open();
    expect(await second.done).toEqual(whole);
    expect(seen.requests).toHaveLength(1);
  });

  it('free the model when the last has left, and keep nothing half', async () => {
    const { join, open, seen } = twoCallers();
    const callers = [join(), join()];
    await settle();
    for (const { abort } of callers) abort();
    await Promise.all(callers.map(({ done }) => done));
    await settle();
    expect(seen.aborted).toEqual(['test.left']);
    const next = join();
    await settle();
    open();
    expect(await next.done).toEqual(whole);
    expect(seen.requests).toHaveLength(2);
  });

  it('are told alike when it fails', async () => {
    const gate = Promise.withResolvers<void>();
    const { model } = fakeModel(async function* () {
      await gate.promise;
      yield fails();
    });
    const { start } = setUpResponder();
    const agent = agentOf({ ...OPEN, model });
    const callers = [start(agent), start(agent)];
    await settle();
    gate.resolve();
    expect(await Promise.all(callers.map(({ done }) => done))).toEqual(Array(2).fill({ chunks: [], fault: broken }));
  });

  it('never join a request that is just being given up', async () => {
    for (let ticks = 0; ticks < 40; ticks++) {
      const { join, open } = twoCallers();
      const first = join();
      await settle();
      first.abort();
      for (let tick = 0; tick < ticks; tick++) await undefined;
      const second = join();
      await settle();
      open();
      expect(await second.done, `${ticks} ticks later`).toEqual(whole);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { agentOf, answered, end, fakeModel, LEFT, setUpResponder, text } from '../../test/draft-rig.ts';
import type { DraftOrder } from '../call/effects.ts';
import type { LanguageModel, ModelChunk } from '../ports/language-model.ts';
import { Fault, toFault } from '../std/fault.ts';
import { settle } from '../std/manual-clock.ts';
import type { AgentDefinition } from './agent.ts';

const END = { kind: 'end' };
const OPEN: Partial<AgentDefinition> = { cacheable: [{ says: /open/ }] };
const broken = new Fault('unavailable', 'test.broken', 'on purpose');
const says = (...words: readonly string[]): ModelChunk[] => [...words.map(text), end];
const fails = (): never => {
  throw broken;
};

function* breaksOff() {
  yield text('One. ');
  fails();
}

function throwsTypeError(): never {
  throw new TypeError('on purpose');
}

describe('a draft', () => {
  it("is of the agent's model, else the default one, else its script", async () => {
    const [own, other, script] = ['own', 'default', 'script'].map((name) => fakeModel(() => says(name), name).model);
    const withDefault = setUpResponder({ defaultModel: other });
    if (!own || !other || !script) throw new Error('unreachable');
    expect((await withDefault.draft(agentOf({ model: own, scriptedModel: script }))).chunks).toEqual(['own', END]);
    expect((await withDefault.draft(agentOf({ scriptedModel: script }))).chunks).toEqual(['default', END]);
    expect((await setUpResponder().draft(agentOf({ scriptedModel: script }))).chunks).toEqual(['script', END]);
    expect((await setUpResponder().draft(agentOf())).fault).toMatchObject({ kind: 'invalid', reason: 'model.none' });
    expect(withDefault.responder.models()).toEqual([
      { name: 'own', breaker: 'closed' },
      { name: 'default', breaker: 'closed' },
    ]);
  });

  it('aborts its model request at once when it is aborted, and says no more', async () => {
    const { model, seen } = fakeModel(async function* () {
      yield text('One. Two');
      await new Promise(() => {});
    });
    const { start } = setUpResponder();
    const draft = start(agentOf({ model }));
    await settle();
    draft.abort();
    expect(await draft.done).toEqual({ chunks: ['One.'], fault: LEFT });
    expect(seen.aborted).toEqual(['test.left']);
  });

  it.each<[string, LanguageModel]>([
    ['throws before its stream', { name: 'test/thrower', stream: fails }],
    ['throws no Fault', fakeModel(throwsTypeError).model],
    ['throws in mid-stream', fakeModel(breaksOff).model],
    ['stops without an end', fakeModel(() => [text('One. ')]).model],
  ])('fails with a Fault when its model %s', async (_, model) => {
    expect((await setUpResponder().draft(agentOf({ model }))).fault).toBeInstanceOf(Fault);
  });

  it("passes on what the agent's own code throws, before any model is asked", async () => {
    const { model, seen } = fakeModel(() => says('Hi.'));
    const thrower = (): never => {
      throw new Error('on purpose');
    };
    const agents = [
      agentOf({ model, instructions: thrower }),
      agentOf({ model, instructions: thrower, cacheable: [{ says: /open/, step: 'any' }] }),
      agentOf({ model, cacheable: [{ says: /open/, step: thrower }] }),
    ];
    for (const agent of agents) {
      const { fault } = await setUpResponder().draft(agent);
      expect(fault).toMatchObject({ message: 'on purpose' });
    }
    expect(seen.requests).toEqual([]);
  });
});

describe('a second try', () => {
  const again: Partial<DraftOrder> = { attempt: 2 };

  it('is of the second model, at once', async () => {
    const [one, two] = [fakeModel(() => says('one')), fakeModel(() => says('two'))];
    const agent = agentOf({ model: one.model, secondModel: two.model });
    expect((await setUpResponder().draft(agent, again)).chunks).toEqual(['two', END]);
    expect(one.seen.requests).toEqual([]);
  });

  it('is of the same model after 50 to 250 ms where there is no second', async () => {
    for (let i = 0; i < 8; i++) {
      const { model, seen } = fakeModel(() => says('one'));
      const { clock, draft } = setUpResponder();
      const done = draft(agentOf({ model }), again);
      await clock.advance(49);
      expect(seen.requests).toEqual([]);
      await clock.advance(201);
      expect(seen.requests).toHaveLength(1);
      expect((await done).chunks).toEqual(['one', END]);
    }
  });

  it('is not begun when it is aborted while it waits', async () => {
    const { model, seen } = fakeModel(() => says('one'));
    const { clock, start } = setUpResponder();
    const draft = start(agentOf({ model }), again);
    await settle();
    draft.abort();
    await clock.advance(1_000);
    expect((await draft.done).fault).toBe(LEFT);
    expect(seen.requests).toEqual([]);
  });

  it('is never answered from the cache, nor kept in it', async () => {
    const { model, seen } = fakeModel((nth) => says(`${nth}`));
    const agent = agentOf({ ...OPEN, model: fakeModel(() => says('one')).model, secondModel: model });
    const { draft } = setUpResponder();
    await draft(agent);
    expect((await draft(agent, again)).chunks).toEqual(['0', END]);
    expect((await draft(agent)).chunks).toEqual(['one', END]);
    expect(seen.requests).toHaveLength(1);
  });

  it('goes on after what was spoken, with the whole conversation in view', async () => {
    const { model, seen } = fakeModel(() => says('We open at nine. We close at five.'));
    const { draft } = setUpResponder();
    const agent = agentOf({ ...OPEN, model, secondModel: model });
    expect((await draft(agent, { ...again, said: answered('We open at nine.') })).chunks).toEqual([
      'We close at five.',
      END,
    ]);
    expect(seen.requests[0]?.messages.at(-1)).toMatchObject({ content: expect.stringContaining('already spoken') });
  });

  it('is refused beyond a tenth of first tries, after twenty in a row', async () => {
    const first = fakeModel(() => says('one'));
    const second = fakeModel(() => says('two'));
    const agent = agentOf({ model: first.model, secondModel: second.model });
    const { draft } = setUpResponder();
    for (let i = 0; i < 20; i++) expect((await draft(agent, again)).fault).toBeUndefined();
    expect((await draft(agent, again)).fault).toMatchObject({ kind: 'exhausted', reason: 'model.retry_budget' });
    for (let i = 0; i < 10; i++) await draft(agent);
    expect((await draft(agent, again)).fault).toBeUndefined();
    expect((await draft(agent, again)).fault).toMatchObject({ reason: 'model.retry_budget' });
  });

  it('is not paid for by replies from the cache', async () => {
    const { model } = fakeModel(() => says('At nine.'));
    const agent = agentOf({ ...OPEN, model, secondModel: fakeModel(() => says('two')).model });
    const { draft } = setUpResponder();
    for (let i = 0; i < 20; i++) await draft(agent, again);
    for (let i = 0; i < 30; i++) await draft(agent);
    expect((await draft(agent, again)).fault).toMatchObject({ reason: 'model.retry_budget' });
  });

  it('answers every turn of a long outage of the first model, without adding to its load', async () => {
    const first = fakeModel(fails, 'first');
    const second = fakeModel(() => says('I am the second.'), 'second');
    const agent = agentOf({ model: first.model, secondModel: second.model });
    const { draft, responder, clock } = setUpResponder();
    for (let turn = 0; turn < 200; turn++) {
      expect((await draft(agent)).fault).toBeInstanceOf(Fault);
      expect((await draft(agent, again)).chunks, `turn ${turn}`).toEqual(['I am the second.', END]);
      await clock.advance(100);
    }
    expect(first.seen.requests.length).toBeLessThan(15);
    expect(responder.models()).toContainEqual({ name: 'first', breaker: 'open' });
  });

  it('does not repeat requests to the only model in an outage', async () => {
    const { model, seen } = fakeModel(fails);
    const { draft, clock } = setUpResponder();
    const agent = agentOf({ model });
    for (let turn = 0; turn < 100; turn++) {
      await draft(agent);
      const done = draft(agent, again);
      await clock.advance(250);
      expect((await done).fault).toBeInstanceOf(Fault);
    }
    expect(seen.requests.length).toBeLessThan(20);
  });

  it('says why when both fail', async () => {
    const agent = agentOf({ model: fakeModel(fails).model, secondModel: fakeModel(fails).model });
    const { draft } = setUpResponder();
    expect(toFault((await draft(agent)).fault).reason).toBe('test.broken');
    expect(toFault((await draft(agent, again)).fault).reason).toBe('test.broken');
  });
});

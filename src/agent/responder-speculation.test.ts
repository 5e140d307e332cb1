import { describe, expect, it } from 'vitest';
import { agentOf, end, fakeModel, setUpResponder, text } from '../../test/draft-rig.ts';
import { Fault } from '../std/fault.ts';
import { settle } from '../std/manual-clock.ts';

const SPECULATIVE = { speculatesOn: 'sentence' } as const;

/** A responder, an agent whose model says one sentence, and how many speculative drafts it was let to make. */
function setUp() {
  const { model, seen } = fakeModel(() => [text('Yes.'), end]);
  const agent = agentOf({ model, speculate: true });
  const { responder, draft, start } = setUpResponder();
  const speculate = async () => (await draft(agent, SPECULATIVE)).fault === undefined;
  const ask = () => draft(agent);
  return { responder, agent, seen, speculate, ask, start };
}

describe('a speculative draft', () => {
  it('is a draft like any other while it is covered', async () => {
    const { speculate, seen } = setUp();
    expect(await speculate()).toBe(true);
    expect(seen.requests).toHaveLength(1);
  });

  it('is refused, without a request, while more were wasted than turns have paid for', async () => {
    const { responder, agent, seen, speculate } = setUp();
    for (let wasted = 0; wasted < 10; wasted++) responder.settle(agent, 'wasted');
    expect(await speculate()).toBe(false);
    expect(seen.requests).toHaveLength(0);
    expect((await setUp().start(agent, SPECULATIVE).done).fault).toBeUndefined(); // each responder has its own
  });

  it('on a pause is refused while half of what may be wasted is, one on a sentence is not', async () => {
    const { responder, agent, start } = setUp();
    for (let wasted = 0; wasted < 5; wasted++) responder.settle(agent, 'wasted');
    expect((await start(agent, { speculatesOn: 'pause' }).done).fault).toMatchObject({
      reason: 'model.speculation_budget',
    });
    expect((await start(agent, { speculatesOn: 'sentence' }).done).fault).toBeUndefined();
  });

  it('costs a caller’s turn nothing when it is adopted', async () => {
    const { responder, agent, speculate } = setUp();
    for (let turn = 0; turn < 100; turn++) {
      expect(await speculate()).toBe(true);
      responder.settle(agent, 'adopted');
    }
  });

  it('is wasted in at most a third of turns, ten once, whatever is tried', async () => {
    const { responder, agent, seen, speculate, ask } = setUp();
    for (let turn = 0; turn < 500; turn++) {
      for (let partial = 0; partial < 3; partial++) if (await speculate()) responder.settle(agent, 'wasted');
      await ask();
    }
    expect(seen.requests.length).toBeLessThanOrEqual((500 * 4) / 3 + 10);
    expect(seen.requests.length).toBeGreaterThan(500 * 1.32);
  });

  it('earns second tries when it is adopted, and none when it is not', async () => {
    const says = () => fakeModel(() => [text('Yes.'), end]).model;
    const agent = agentOf({ model: says(), secondModel: says(), speculate: true });
    const { responder, draft } = setUpResponder();
    const retry = async () => (await draft(agent, { attempt: 2 })).fault === undefined;
    while (await retry());
    for (let turn = 0; turn < 10; turn++) await draft(agent, SPECULATIVE);
    expect(await retry()).toBe(false);
    for (let turn = 0; turn < 10; turn++) responder.settle(agent, 'adopted');
    expect(await retry()).toBe(true);
  });

  it('that fails was wasted', async () => {
    const { model } = fakeModel(() => {
      throw new Fault('unavailable', 'test.broken', 'on purpose');
    });
    const agent = agentOf({ model, speculate: true });
    const { responder, draft } = setUpResponder();
    for (let wasted = 0; wasted < 9; wasted++) responder.settle(agent, 'wasted');
    expect((await draft(agent, SPECULATIVE)).fault).toMatchObject({ reason: 'test.broken' });
    expect((await draft(agent, SPECULATIVE)).fault).toMatchObject({ reason: 'model.speculation_budget' });
  });

  it('that is aborted is counted once, by whoever aborts it', async () => {
    const { model } = fakeModel(async function* () {
      yield text('Well');
      await new Promise(() => {});
    });
    const agent = agentOf({ model, speculate: true });
    const { responder, start } = setUpResponder();
    for (let aborted = 0; aborted < 10; aborted++) {
      const one = start(agent, SPECULATIVE);
      await settle();
      one.abort();
      expect((await one.done).fault).toMatchObject({ reason: 'test.left' });
      responder.settle(agent, 'wasted');
    }
    expect((await start(agent, SPECULATIVE).done).fault).toMatchObject({ reason: 'model.speculation_budget' });
  });
});

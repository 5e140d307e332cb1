import { describe, expect, it } from 'vitest';
import { agentOf, end, fakeModel, setUpResponder, text, userSaid } from '../../test/draft-rig.ts';
import { DEFAULT_BUDGET } from '../call/budget.ts';
import type { DraftOrder } from '../call/effects.ts';
import type { ModelChunk } from '../ports/language-model.ts';
import { sleep } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import type { AgentDefinition } from './agent.ts';

const NO_FLOOR = { ...DEFAULT_BUDGET, secondFloorMs: 0 };

/** What 160 drafts do: most speak after 300 ms, five after 400, and eight are odd. */
interface Story {
  /** What an odd one does; none: says nothing, ever. */
  readonly odd?: (wait: (ms: number) => Promise<void>) => AsyncIterable<ModelChunk>;
  /** When its caller leaves it, by a barge-in or because another draft has won; none: never. */
  readonly leftAfterMs?: number;
  readonly order?: Partial<DraftOrder>;
  readonly definition?: Partial<AgentDefinition>;
}

async function hear({ odd, leftAfterMs, order, definition }: Story) {
  const { clock, responder, start } = setUpResponder();
  let isOdd = false;
  let speakMs = 300;
  const { model } = fakeModel((_nth, signal) => {
    const wait = (ms: number) => sleep(clock, ms, signal);
    return isOdd ? (odd ?? hang)(wait) : speakAfter(speakMs)(wait);
  });
  const agent = agentOf({ model, ...definition });
  for (let nth = 0; nth < 160; nth++) {
    isOdd = nth % 20 === 19;
    speakMs = nth % 32 === 0 ? 400 : 300;
    const transcript = [userSaid(`Are you open on day ${nth}?`)];
    const draft = start(agent, { transcript, ...(isOdd && order) });
    await clock.advance(isOdd ? (leftAfterMs ?? 10_000) : speakMs);
    draft.abort();
    await draft.done;
  }
  return (budget = NO_FLOOR) => responder.secondAfterMs(agent, budget);
}

function speakAfter(ms: number) {
  return async function* (wait: (ms: number) => Promise<void>) {
    await wait(ms);
    yield text('Hi.');
    yield end;
  };
}

async function* hang(wait: (ms: number) => Promise<void>) {
  await wait(1_000_000);
  yield end;
}

async function* murmur(wait: (ms: number) => Promise<void>) {
  yield text('Well');
  yield* hang(wait);
}

async function* breakLate(wait: (ms: number) => Promise<void>) {
  await wait(1_500);
  yield fail();
}

function fail(): never {
  throw new Fault('unavailable', 'test.broken', 'on purpose');
}

describe('a first draft is raced by a second one', () => {
  it("at the budget's time where nothing is known of its model, or there is none", () => {
    const { responder } = setUpResponder();
    expect(responder.secondAfterMs(agentOf(), DEFAULT_BUDGET)).toBe(2_000);
    expect(responder.secondAfterMs(agentOf({ model: fakeModel(() => [end]).model }), DEFAULT_BUDGET)).toBe(2_000);
  });

  it('when its slowest have spoken where its model is healthy', async () => {
    expect((await hear({ odd: speakAfter(300) }))()).toBe(400);
  });

  it.each<[string, Story]>([
    ['were left', { leftAfterMs: 1_500 }],
    ['timed out', {}],
    ['were left before a first sentence', { odd: murmur, leftAfterMs: 1_000 }],
    ['were left by all who listened', { leftAfterMs: 1_500, definition: { cacheable: [{ says: /open/ }] } }],
    ['were speculative', { leftAfterMs: 1_500, order: { speculatesOn: 'sentence' } }],
  ])('earlier where some of its drafts stall and %s', async (_, story) => {
    const secondAfterMs = await hear(story);
    expect(secondAfterMs()).toBe(300);
    expect(secondAfterMs(DEFAULT_BUDGET)).toBe(600);
    expect(secondAfterMs({ ...NO_FLOOR, secondMs: 200 })).toBe(200);
  });

  it.each<[string, Story]>([
    ['failed', { odd: breakLate }],
    ['were second tries', { leftAfterMs: 1_500, order: { attempt: 2, isRace: true } }],
  ])('no earlier for drafts that %s', async (_, story) => {
    expect((await hear(story))()).toBe(400);
  });
});

import { describe, expect, it } from 'vitest';
import type { SpeculationOutcome } from '../agent/responder.ts';
import type { DraftedTool } from '../call/call.ts';
import type { DraftOrder } from '../call/effects.ts';
import { Fault } from '../std/fault.ts';
import { settle } from '../std/manual-clock.ts';
import { agentOf, deskOf, heard, openRoster, type RecordedLine, responderOf, silence } from './roster.fixture.ts';

/** A roster whose one agent speculates, and what its responder was told. */
function open(draft?: Parameters<typeof responderOf>[0], speculate = true) {
  const orders: DraftOrder[] = [];
  const settled: SpeculationOutcome[] = [];
  const toolsRun: string[] = [];
  const bare = responderOf(draft);
  const responder = {
    ...bare,
    draft(...args: Parameters<typeof bare.draft>) {
      orders.push(args[0]);
      return bare.draft(...args);
    },
    settle: (_agent: unknown, outcome: SpeculationOutcome) => void settled.push(outcome),
  };
  const toolDesk = deskOf(async ({ name }) => {
    toolsRun.push(name);
    return { kind: 'done', content: 'ok' };
  });
  const roster = openRoster({ agents: [agentOf({ speculate })], responder, toolDesk });
  return { ...roster, orders, settled, toolsRun };
}

const hear = (line: RecordedLine, words: string) => {
  line.listener?.onHeard(heard(words));
  return settle();
};

describe('a session whose agent speculates', () => {
  it('asks its line for every update, and no other does', async () => {
    expect((await open().dial(1)).hearsAtOnce).toBe(true);
    expect((await open(undefined, false).dial(1)).hearsAtOnce).toBe(false);
  });

  it('begins the answer before Retell asks, and says it when Retell does', async () => {
    const roster = open();
    const line = await roster.dial(1);
    await hear(line, 'Are you open?');
    expect(roster.orders).toMatchObject([{ speculatesOn: 'sentence' }]);
    expect(line.sent(1)).toEqual([]);
    await line.ask(1, 'Are you open?');
    expect(line.sent(1)).toEqual(['You said Are you open?.', '∎']);
    expect(roster.orders).toHaveLength(1);
    expect(roster.settled).toEqual(['adopted']);
  });

  it('aborts a draft that no ask wants, once, and says nothing of it', async () => {
    const signals: AbortSignal[] = [];
    const roster = open(async function* (order, signal) {
      signals.push(signal);
      yield* silence(order, signal);
    });
    const line = await roster.dial(1);
    await hear(line, 'Are you open.');
    await hear(line, 'Are you open on Sundays.');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    await line.ask(1, 'Are you open on Mondays?');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
    expect(roster.settled).toEqual(['wasted', 'wasted']);
  });

  it('counts a whole draft that no ask wants as wasted too', async () => {
    const roster = open();
    const line = await roster.dial(1);
    await hear(line, 'Are you open.');
    await line.ask(1, 'Are you open on Mondays?');
    expect(roster.settled).toEqual(['wasted']);
    expect(line.sent(1)).toEqual(['You said Are you open on Mondays?.', '∎']);
  });

  it('counts the draft that the line went down with', async () => {
    const roster = open(silence);
    const line = await roster.dial(1);
    await hear(line, 'Are you open?');
    line.drop();
    await settle();
    expect(roster.settled).toEqual(['wasted']);
  });

  it('answers as if it had not tried when the draft is refused, without a warning', async () => {
    const roster = open(async function* (order, signal) {
      if (order.speculatesOn) throw new Fault('exhausted', 'model.speculation_budget', 'on purpose');
      yield* responderOf().draft(order, agentOf(), signal);
    });
    const line = await roster.dial(1);
    await hear(line, 'Are you open?');
    await line.ask(1, 'Are you open?');
    expect(line.sent(1)).toEqual(['You said Are you open?.', '∎']);
    expect(roster.settled).toEqual([]);
  });

  it('runs the tool of a draft after the ask that adopted it', async () => {
    const book: DraftedTool = { name: 'book', arguments: '{}', isSafe: false };
    const roster = open(async function* ({ settledTools }) {
      if (settledTools.length === 0) yield { kind: 'tools', requests: [book] };
      else {
        yield { kind: 'sentence', text: 'It is booked.' };
        yield { kind: 'end' };
      }
    });
    const line = await roster.dial(1);
    await hear(line, 'Book it.');
    await roster.clock.advance(1_000);
    expect(roster.toolsRun).toEqual([]);
    await line.ask(1, 'Book it.');
    await settle();
    expect(roster.toolsRun).toEqual(['book']);
    expect(line.sent(1)).toEqual(['It is booked.', '∎']);
  });
});

import { describe, expect, it } from 'vitest';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import type { Agent } from '../agent/agent.ts';
import { ManualClock, settle } from '../std/manual-clock.ts';
import { agentOf, callIdOf, deskOf, openRoster, responderOf, silence } from './roster.fixture.ts';

const { signal } = new AbortController();

/** An agent with a rule that throws as soon as the machine reads it. */
function brokenAgent(retellAgentId: string): Agent {
  const sound = agentOf({ name: 'broken', retellAgentIds: [retellAgentId] });
  const says = /human/;
  Object.defineProperty(says, Symbol.search, {
    value: () => {
      throw new TypeError('a broken rule');
    },
  });
  const rule = { when: { says }, line: 'I connect you.', action: { kind: 'end' } } as const;
  return { ...sound, rules: () => ({ ...sound.safeRules, escalation: [rule] }) };
}

describe('a step that throws', () => {
  it('apologises to the caller who asked, and the call goes on', async () => {
    const roster = openRoster({ agents: [brokenAgent('agent_broken')] });
    const line = await roster.dial(1);
    await line.ask(1, 'hi');
    expect(line.sent(1)).toEqual(['Say that again?', '∎']);
    await line.ask(2, 'hi', 'hello?');
    expect(line.sent(2)).toEqual(['Say that again?', '∎']);
    expect(line.letGoBy).toBeUndefined();
    expect(roster.messages[0]).toContain('a step failed');
  });

  it('is no other call’s business', async () => {
    const roster = openRoster({ agents: [agentOf(), brokenAgent('agent_broken')] });
    const [sound, other] = [await roster.dial(1), await roster.dial(2, { details: { agentId: 'agent_broken' } })];
    await Promise.all([sound.ask(1, 'hi'), other.ask(1, 'hi')]);
    expect(sound.sent(1)).toEqual(['You said hi.', '∎']);
  });
});

describe('a fenced session', () => {
  it('lets go of its socket, writes nothing more and leaves the slot to whoever holds the call', async () => {
    const clock = new ManualClock();
    const callStore = memoryCallStore(clock);
    const roster = openRoster({ callStore }, clock);
    const line = await roster.dial(1);
    await callStore.take(callIdOf(1), signal);
    await roster.services.leases.release(callIdOf(1), signal);
    await line.ask(1, 'hi');
    expect(line.letGoBy).toBe('terminate');
    expect(roster.list()).toEqual([]);
    expect(await roster.activeSlots()).toBe(0);
    const stored = await callStore.load(callIdOf(1), signal);
    expect(stored?.head.lastAsk).toBe(-1);
  });
});

describe('a session', () => {
  it('answers fillers, races and the fallback by the clock', async () => {
    const attempts: number[] = [];
    const responder = responderOf(async function* (order, aborted) {
      attempts.push(order.attempt);
      yield* silence(order, aborted);
    });
    const roster = openRoster({ responder });
    const line = await roster.dial(1);
    await line.ask(1, 'hi');
    await roster.clock.advance(700);
    expect(line.sent(1)).toEqual(['One moment.']);
    await roster.clock.advance(1_300);
    expect(attempts).toEqual([1, 2]);
    await roster.clock.advance(4_000);
    expect(line.sent(1)).toEqual(['One moment.', 'One moment.', 'Say that again?', '∎']);
  });

  it('aborts the draft of an ask that a newer one replaces, and speaks none of it', async () => {
    const signals: AbortSignal[] = [];
    const responder = responderOf(async function* (order, aborted) {
      signals.push(aborted);
      if (order.responseId === 1)
        await silence(order, aborted)
          .next()
          .catch(() => {}); // goes on though it is aborted
      yield { kind: 'sentence', text: `Answer to ${order.responseId}.` };
      yield { kind: 'end' };
    });
    const line = await openRoster({ responder }).dial(1);
    await line.ask(1, 'hi');
    await line.ask(2, 'hi', 'no, wait');
    expect(signals[0]?.aborted).toBe(true);
    expect([line.sent(1), line.sent(2)]).toEqual([[], ['Answer to 2.', '∎']]);
  });

  it('takes a draft that throws for a failed one, and tries once more', async () => {
    const responder = responderOf(async function* (order) {
      if (order.attempt === 1) throw new TypeError('the agent broke');
      yield { kind: 'sentence', text: 'Second try.' };
      yield { kind: 'end' };
    });
    const line = await openRoster({ responder }).dial(1);
    await line.ask(1, 'hi');
    expect(line.sent(1)).toEqual(['Second try.', '∎']);
  });

  it('goes on with a tool that outlived its socket', async () => {
    const done = Promise.withResolvers<void>();
    let runs = 0;
    const toolDesk = deskOf(async () => {
      runs += 1;
      await done.promise;
      return { kind: 'done', content: 'booked' };
    });
    const responder = responderOf(async function* (order) {
      if (order.settledTools.length === 0) {
        yield { kind: 'tools', requests: [{ name: 'book', arguments: '{}', isSafe: false }] };
        return;
      }
      yield { kind: 'sentence', text: 'It is booked.' };
      yield { kind: 'end' };
    });
    const roster = openRoster({ responder, toolDesk });
    const line = await roster.dial(1);
    await line.ask(1, 'book a table');
    line.drop();
    const next = await roster.dial(1);
    done.resolve();
    await settle();
    expect(next.sent(1)).toEqual(['It is booked.', '∎']);
    expect(runs).toBe(2); // the desk joins them: to the session each is one request for the tool
  });

  it('ends when its socket does, with every clock stopped', async () => {
    const roster = openRoster({ responder: responderOf(silence) });
    const line = await roster.dial(1);
    await line.ask(1, 'hi');
    line.drop();
    await settle();
    const count = line.carried.length;
    await roster.clock.advance(60_000);
    expect(line.carried).toHaveLength(count);
    expect(roster.list()).toEqual([]);
  });
});

describe('a line that fails', () => {
  it('to carry one effect does not stop those after it', async () => {
    const roster = openRoster();
    const line = await roster.dial(1);
    const { carry } = line;
    line.carry = (effect) => {
      if (effect.kind === 'interject') throw new TypeError('cannot be printed');
      carry(effect);
    };
    roster.interject(callIdOf(1), 'x', undefined);
    await line.ask(1, 'hi');
    expect(line.sent(1)).toEqual(['You said hi.', '∎']);
    expect(roster.messages[0]).toContain('an effect failed');
  });
});

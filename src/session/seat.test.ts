import { describe, expect, it } from 'vitest';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import { memoryLeases } from '../adapters/memory/leases.ts';
import type { CallStore } from '../ports/call-store.ts';
import type { Leases } from '../ports/leases.ts';
import { Fault } from '../std/fault.ts';
import { ManualClock, settle } from '../std/manual-clock.ts';
import { closeCall } from '../workers/close-call.ts';
import { agentOf, callIdOf, heard, openRoster, responderOf } from './roster.fixture.ts';

const GREETED = ['Hello, front desk.', '∎'];
const BUSY = ['All lines are busy.', '∎ transfer'];
const down = () => Promise.reject(new Fault('unavailable', 'store.down', 'expected a store, it is away'));

describe('admission', () => {
  it('admits exactly as many as there are slots, however many come at once', async () => {
    const roster = openRoster({ maxCalls: 10 });
    const lines = await Promise.all(Array.from({ length: 50 }, (_, index) => roster.dial(index)));
    expect(lines.filter((line) => line.sent(0)[0] === GREETED[0])).toHaveLength(10);
    expect(lines.filter((line) => line.sent(0)[0] === BUSY[0])).toHaveLength(40);
    expect(roster.list()).toHaveLength(10);
    expect(await roster.activeSlots()).toBe(10);
  });

  it('gives a slot that was freed to the next call', async () => {
    const roster = openRoster({ maxCalls: 1 });
    await roster.dial(1);
    await roster.end(callIdOf(1), 'user_hangup');
    expect((await roster.dial(2)).sent(0)).toEqual(GREETED);
  });

  it('admits the redial of a live call at the limit, and without another slot', async () => {
    const roster = openRoster({ maxCalls: 1 });
    (await roster.dial(1)).drop();
    expect((await roster.dial(2)).sent(0)).toEqual(BUSY);
    expect((await roster.dial(1)).sent(0)).toEqual(['∎']);
    expect(await roster.activeSlots()).toBe(1);
  });

  it('admits the redial of a call that another process left behind, at the limit', async () => {
    const clock = new ManualClock();
    const callStore = memoryCallStore(clock);
    await openRoster({ callStore }, clock).dial(1);
    const next = openRoster({ callStore, leases: memoryLeases(clock), maxCalls: 0 }, clock);
    expect((await next.dial(1)).sent(0)).toEqual(['∎']);
  });
});

describe('a caller for whom there is no slot', () => {
  const full = (definition = {}) => openRoster({ maxCalls: 0, agents: [agentOf(definition)] });

  it('hears the busy line at once with its action, and again when Retell asks', async () => {
    const line = await full().dial(1);
    expect(line.sent(0)).toEqual(BUSY);
    await line.ask(1, 'hello?');
    await line.ask(2, 'hello?', 'anyone?');
    expect([line.sent(1), line.sent(2)]).toEqual([BUSY, BUSY]);
  });

  it('hears it within 500 ms when no details come, and under the id that was asked meanwhile', async () => {
    const roster = full();
    const line = await roster.dial(1, { details: 'none' });
    await line.ask(1, 'hello?');
    await roster.clock.advance(499);
    expect(line.sent(1)).toEqual(BUSY);
    expect(line.sent(0)).toEqual([]);
  });

  it('is let go by Retell, or by us when Retell does not', async () => {
    const roster = full();
    const line = await roster.dial(1);
    await roster.clock.advance(19_999);
    expect(line.letGoBy).toBeUndefined();
    await roster.clock.advance(1);
    expect(line.letGoBy).toBe('hangUp');
  });

  it('who is gone is not hung up on', async () => {
    const roster = full();
    const line = await roster.dial(1);
    line.drop();
    await roster.clock.advance(60_000);
    expect(line.letGoBy).toBeUndefined();
  });

  it('hears the busy line of the agent that was called', async () => {
    const other = agentOf({
      name: 'night-desk',
      retellAgentIds: ['agent_night'],
      overflow: { line: 'We sleep.', action: { kind: 'callback' } },
    });
    const roster = openRoster({ maxCalls: 0, agents: [agentOf(), other], defaultAgent: agentOf() });
    const line = await roster.dial(1, { details: { agentId: 'agent_night' } });
    expect(line.sent(0)).toEqual(['We sleep.', '∎ end']);
    expect(roster.facts).toMatchObject([{ type: 'call.refused', action: 'callback', callId: callIdOf(1) }]);
  });

  it('hears it though the refusal cannot be stored', async () => {
    const clock = new ManualClock();
    const callStore: CallStore = { ...memoryCallStore(clock), load: down, enqueue: down };
    const roster = openRoster({ maxCalls: 0, callStore }, clock);
    expect((await roster.dial(1)).sent(0)).toEqual(BUSY);
    expect(roster.messages.join()).toContain('a refusal could not be stored');
  });
});

describe('the greeting', () => {
  it('waits for the details, and is made from their variables', async () => {
    const agent = agentOf({ greeting: ({ name }) => `Hello ${name}.`, variables: { name: 'stranger' } });
    const roster = openRoster({ agents: [agent] });
    const line = await roster.dial(1, { details: 'none' });
    await roster.clock.advance(499);
    expect(line.sent(0)).toEqual([]);
    line.listener?.onDetails({ agentId: undefined, variables: { name: 'Ida' } });
    await settle();
    expect(line.sent(0)).toEqual(['Hello Ida.', '∎']);
  });

  it('is spoken by the default agent when no details have come within 500 ms', async () => {
    const agent = agentOf({ greeting: ({ name }) => `Hello ${name}.`, variables: { name: 'stranger' } });
    const roster = openRoster({ agents: [agent] });
    const line = await roster.dial(1, { details: 'none' });
    await roster.clock.advance(500);
    expect(line.sent(0)).toEqual(['Hello stranger.', '∎']);
  });

  it('of an agent whose own code throws is its fallback line, and the call goes on', async () => {
    const agent = agentOf({
      greeting: () => {
        throw new TypeError('no such name');
      },
    });
    const line = await openRoster({ agents: [agent] }).dial(1);
    expect(line.sent(0)).toEqual(['Say that again?', '∎']);
    await line.ask(1, 'hi');
    expect(line.sent(1)).toEqual(['You said hi.', '∎']);
  });

  it('is kept for the next socket when this one is gone before it', async () => {
    const roster = openRoster();
    const line = await roster.dial(1, { details: 'none' });
    line.drop();
    await settle();
    expect(roster.list()).toEqual([]);
    expect(await roster.activeSlots()).toBe(1);
    expect((await roster.dial(1)).sent(0)).toEqual(GREETED);
  });
});

describe('the agent of a call', () => {
  const day = agentOf({ name: 'day-desk', greeting: 'Good day.', retellAgentIds: ['agent_day'] });
  const night = agentOf({ name: 'night-desk', greeting: 'Good night.', retellAgentIds: ['agent_night', 'agent_late'] });
  const house = (isStrict = false) => openRoster({ agents: [day, night], isStrict });

  it('is the one that lists the Retell agent it was made for', async () => {
    const line = await house().dial(1, { details: { agentId: 'agent_late' } });
    expect(line.sent(0)).toEqual(['Good night.', '∎']);
  });

  it('is the default one, with a warning, when none lists it', async () => {
    const roster = house();
    const line = await roster.dial(1, { details: { agentId: 'agent_unheard' } });
    expect(line.sent(0)).toEqual(['Good day.', '∎']);
    expect(roster.messages).toEqual([expect.stringContaining('no agent lists this Retell agent id')]);
  });

  it('is the default one without a warning when no agent lists any', async () => {
    const roster = openRoster();
    await roster.dial(1, { details: { agentId: 'agent_unheard' } });
    expect(roster.messages).toEqual([]);
  });

  it('that none lists is refused in a strict house, and costs no slot', async () => {
    const roster = house(true);
    const line = await roster.dial(1, { details: { agentId: 'agent_unheard' } });
    expect(line.sent(0)).toEqual(BUSY);
    expect(await roster.activeSlots()).toBe(0);
    expect(roster.facts).toMatchObject([{ type: 'call.refused' }]);
  });

  it('stays the same over a redial, whatever the details say then', async () => {
    const roster = house();
    (await roster.dial(1, { details: { agentId: 'agent_night' } })).drop();
    await roster.dial(1, { details: { agentId: 'agent_day' } });
    expect(roster.list()).toMatchObject([{ agent: 'night-desk' }]);
  });
});

describe('a store that fails', () => {
  it('to say what it knows of a call, or to take it, does not silence the caller', async () => {
    const clock = new ManualClock();
    const callStore: CallStore = { ...memoryCallStore(clock), load: down, take: down, commit: down };
    const line = await openRoster({ callStore }, clock).dial(1);
    expect(line.sent(0)).toEqual(GREETED);
    await line.ask(1, 'hi');
    expect(line.sent(1)).toEqual(['You said hi.', '∎']);
    expect(line.letGoBy).toBeUndefined();
  });

  it('to take a call and comes back does not cost the caller their socket', async () => {
    const clock = new ManualClock();
    const callStore: CallStore = { ...memoryCallStore(clock), take: down };
    const line = await openRoster({ callStore }, clock).dial(1);
    await line.ask(1, 'hi');
    expect(line.letGoBy).toBeUndefined();
    expect(line.sent(1)).toEqual(['You said hi.', '∎']);
  });

  it('to commit does not silence the caller, not even before the greeting', async () => {
    const clock = new ManualClock();
    const callStore: CallStore = { ...memoryCallStore(clock), commit: down };
    const line = await openRoster({ callStore }, clock).dial(1);
    await line.ask(1, 'hi');
    expect([line.sent(0), line.sent(1)]).toEqual([GREETED, ['You said hi.', '∎']]);
  });
});

describe('an ask', () => {
  it('whose transcript could not be read is answered from what was known', async () => {
    const seen: number[] = [];
    const responder = responderOf(async function* (order) {
      seen.push(order.transcript.length);
      yield { kind: 'end' };
    });
    const line = await openRoster({ responder }).dial(1);
    line.listener?.onHeard(heard('hi'));
    line.listener?.onAsk('response', 1, undefined);
    await settle();
    expect(seen[0]).toBe(2);
  });

  it('that comes before the call has begun is answered once it has', async () => {
    const roster = openRoster();
    const line = await roster.dial(1, { details: 'none' });
    await line.ask(1, 'hi');
    await roster.clock.advance(500);
    expect(line.sent(0)).toEqual([]);
    expect(line.sent(1)).toEqual(['You said hi.', '∎']);
  });
});

describe('a call that was ended here', () => {
  it('is hung up on when Retell dials it again, and keeps no slot', async () => {
    const roster = openRoster();
    await roster.dial(1);
    await roster.end(callIdOf(1), 'ended_by_operator');
    const line = await roster.dial(1);
    expect(line.letGoBy).toBe('hangUp');
    expect(line.carried).toEqual([]);
    expect(await roster.activeSlots()).toBe(0);
  });
});

describe('a call that was ended elsewhere', () => {
  const signal = new AbortController().signal;

  it.each([
    'before',
    'after',
  ] as const)('keeps no slot, also when it lost its socket just then: the end came %s the slot was kept', async (when) => {
    const clock = new ManualClock();
    const callStore = memoryCallStore(clock);
    const leases = memoryLeases(clock);
    const end = () => closeCall({ ender: elsewhere, callStore, clock }, callIdOf(1), 'user_hangup', signal);
    const leave: Leases['leave'] = async (holder, ttlMs, inner) => {
      if (when === 'before') await end();
      await leases.leave(holder, ttlMs, inner);
      if (when === 'after') await end();
    };
    const elsewhere = openRoster({ callStore, leases }, clock);
    const roster = openRoster({ callStore, leases: { ...leases, leave } }, clock);
    (await roster.dial(1)).drop();
    await settle();
    expect(await roster.activeSlots()).toBe(0);
  });
});

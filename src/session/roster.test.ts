import { describe, expect, it } from 'vitest';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import type { CallStore } from '../ports/call-store.ts';
import { sleep } from '../std/clock.ts';
import { ManualClock, settle } from '../std/manual-clock.ts';
import { agentOf, callIdOf, inMidTurn, openRoster, responderOf, silence } from './roster.fixture.ts';

const FAREWELL = 'Thank you for calling. Goodbye.';

describe('two sockets for one call', () => {
  it('the newest proven one wins; the older is let go of without a close frame and says nothing more', async () => {
    const roster = openRoster();
    const older = await roster.dial(1);
    await older.ask(1, 'hi');
    const count = older.carried.length;
    const newer = await roster.dial(1);
    expect(older.letGoBy).toBe('terminate');
    await older.ask(2, 'hi', 'still there?');
    expect(older.carried).toHaveLength(count);
    await newer.ask(2, 'hi', 'still there?');
    expect(newer.sent(2)).toEqual(['You said still there?.', '∎']);
    expect(roster.list()).toHaveLength(1);
  });

  it('an unproven one cannot displace the other', async () => {
    const roster = openRoster();
    const first = await roster.dial(1);
    const second = await roster.dial(1, { isProven: false });
    expect(second.letGoBy).toBe('terminate');
    expect(second.carried).toEqual([]);
    await first.ask(1, 'hi');
    expect(first.sent(1)).toEqual(['You said hi.', '∎']);
  });

  it('at once greet once, whatever the order', async () => {
    const roster = openRoster();
    const lines = await Promise.all([1, 1, 1, 1, 1].map((call) => roster.dial(call)));
    expect(lines.flatMap((line) => line.sent(0)).filter((words) => words === 'Hello, front desk.')).toHaveLength(1);
    expect(lines.map(({ letGoBy }) => letGoBy)).toEqual([...Array(4).fill('terminate'), undefined]);
    expect(roster.list()).toHaveLength(1);
  });

  it('the newer one goes on with the open ask, and the older one’s draft is aborted', async () => {
    const signals: AbortSignal[] = [];
    const responder = responderOf(async function* (order, signal) {
      signals.push(signal);
      if (signals.length === 1) yield* silence(order, signal);
      yield { kind: 'sentence', text: 'Here you are.' };
      yield { kind: 'end' };
    });
    const roster = openRoster({ responder });
    const older = await roster.dial(1);
    await older.ask(1, 'hi');
    const newer = await roster.dial(1);
    expect(signals[0]?.aborted).toBe(true);
    expect(older.sent(1)).toEqual([]);
    expect(newer.sent(1)).toEqual(['Here you are.', '∎']);
  });
});

describe('a store that is slow to write', () => {
  it('does not cost the newer socket what the older one knew', async () => {
    const clock = new ManualClock();
    const memory = memoryCallStore(clock);
    const callStore: CallStore = {
      ...memory,
      async commit(...args) {
        await sleep(clock, 100, args[3]);
        return memory.commit(...args);
      },
    };
    const roster = openRoster({ callStore, responder: responderOf(silence) }, clock);
    const older = await roster.dial(1);
    await clock.advance(100);
    await older.ask(1, 'hi');
    const newer = await roster.dial(1);
    await clock.advance(1_000);
    expect(older.letGoBy).toBe('terminate');
    expect(newer.sent(0)).toEqual(['∎']);
    expect(newer.sent(1)).toEqual(['One moment.']);
  });

  it('for ever keeps the caller from the newer socket for no longer than 2 s', async () => {
    const clock = new ManualClock();
    const callStore: CallStore = { ...memoryCallStore(clock), commit: () => new Promise(() => {}) };
    const roster = openRoster({ callStore }, clock);
    await roster.dial(1);
    const newer = await roster.dial(1);
    await newer.ask(1, 'hi');
    expect(newer.sent(1)).toEqual([]);
    await clock.advance(2_000);
    expect(newer.sent(1)).toEqual(['You said hi.', '∎']);
  });
});

describe('an adrift call', () => {
  it('keeps its slot for 30 s and then frees it', async () => {
    const roster = openRoster({ maxCalls: 1 });
    (await roster.dial(1)).drop();
    await roster.clock.advance(29_999);
    expect(await roster.activeSlots()).toBe(1);
    await roster.clock.advance(1);
    expect(await roster.activeSlots()).toBe(0);
    expect((await roster.dial(2)).sent(0)).toEqual(['Hello, front desk.', '∎']);
  });

  it('is let back in after that, over the limit if it must be', async () => {
    const roster = openRoster({ maxCalls: 1 });
    (await roster.dial(1)).drop();
    await roster.clock.advance(60_000);
    await roster.dial(2);
    const line = await roster.dial(1);
    await line.ask(1, 'hi');
    expect(line.sent(1)).toEqual(['You said hi.', '∎']);
    expect(await roster.activeSlots()).toBe(2);
  });

  it('that Retell reports as ended frees its slot at once', async () => {
    const roster = openRoster();
    (await roster.dial(1)).drop();
    await settle();
    expect(await roster.end(callIdOf(1), 'user_hangup')).toBe(false);
    expect(await roster.activeSlots()).toBe(0);
  });
});

describe('a live call', () => {
  it('keeps its slot for as long as it lives', async () => {
    const roster = openRoster();
    await roster.dial(1);
    await roster.clock.advance(3_600_000);
    expect(await roster.activeSlots()).toBe(1);
  });

  it('is listed without a word of it', async () => {
    const roster = openRoster({ responder: responderOf(silence) });
    const line = await roster.dial(1, { isProven: false });
    await line.ask(4, 'my number is 555 0100');
    const [entry] = roster.list();
    expect(entry).toMatchObject({ callId: callIdOf(1), agent: 'front-desk', phase: 'speaking', responseId: 4 });
    expect(JSON.stringify(entry)).not.toContain('555');
  });

  it('that has ended releases its slot, lets go of its socket and is stored as over', async () => {
    const roster = openRoster();
    const line = await roster.dial(1);
    expect(await roster.end(callIdOf(1), 'user_hangup')).toBe(true);
    expect(await roster.activeSlots()).toBe(0);
    expect(line.letGoBy).toBe('terminate');
    expect(roster.facts.at(-1)).toMatchObject({ type: 'call.ended', reason: 'user_hangup' });
    const stored = await roster.services.callStore.load(callIdOf(1), new AbortController().signal);
    expect(stored?.head.phase.kind).toBe('over');
  });

  it('that ends while it is still being admitted is over before a word is said', async () => {
    const roster = openRoster();
    const line = await roster.dial(1, { details: 'none' });
    const ended = roster.end(callIdOf(1), 'user_hangup');
    await roster.clock.advance(500);
    expect(await ended).toBe(true);
    expect(line.sent(0)).toEqual([]);
    expect(await roster.activeSlots()).toBe(0);
  });

  it('hangs up itself half a minute after the parting words', async () => {
    const roster = openRoster({ agents: [agentOf({ lines: { reminders: [] } })] });
    const line = await roster.dial(1);
    line.listener?.onAsk('reminder', 1, [{ role: 'agent', content: 'Hello, front desk.' }]);
    await settle();
    expect(line.sent(1)).toEqual([FAREWELL, '∎ end']);
    await roster.clock.advance(30_000);
    expect(line.letGoBy).toBe('hangUp');
  });
});

describe('proof of a call', () => {
  it('reaches the tools of a call that is under way', async () => {
    const proven: boolean[] = [];
    const responder = responderOf(async function* () {
      yield { kind: 'tools', requests: [{ name: 'book', arguments: '{}', isSafe: true }] };
    });
    const toolDesk = {
      run: async ({ isProven }: { readonly isProven: boolean }) => {
        proven.push(isProven);
        return { kind: 'unknown' } as const;
      },
      close() {},
    };
    const roster = openRoster({ responder, toolDesk });
    const line = await roster.dial(1, { isProven: false });
    await line.ask(1, 'book');
    roster.prove(callIdOf(1));
    await line.ask(2, 'book', 'now');
    expect(proven).toEqual([false, true]);
    expect(roster.list()).toMatchObject([{ isProven: true }]);
  });

  it('that comes before the call has begun is not lost', async () => {
    const roster = openRoster();
    await roster.dial(1, { isProven: false, details: 'none' });
    roster.prove(callIdOf(1));
    await roster.clock.advance(500);
    expect(roster.facts[0]).toMatchObject({ type: 'call.started', isProven: true });
  });

  it('of a call that is not here changes nothing', () => {
    expect(() => openRoster().prove(callIdOf(9))).not.toThrow();
  });
});

describe('an unasked word', () => {
  it('is said in the call it is for', async () => {
    const roster = openRoster();
    const line = await roster.dial(1);
    expect(roster.interject(callIdOf(1), 'Your order has shipped.', undefined)).toBe(true);
    await settle();
    expect(line.carried.at(-1)).toMatchObject({ kind: 'interject', text: 'Your order has shipped.' });
    expect(roster.interject(callIdOf(2), 'x', undefined)).toBe(false);
  });
});

describe('a drain', () => {
  it('keeps quiet calls for as long as a turn is open in another, and lets go of all at once, never by hanging up', async () => {
    const { roster, go } = inMidTurn();
    const [quiet, speaking] = [await roster.dial(1), await roster.dial(2)];
    await speaking.ask(1, 'hi');
    const drained = roster.drain(10_000);
    await roster.clock.advance(500);
    expect([quiet.letGoBy, speaking.letGoBy]).toEqual([undefined, undefined]);
    go();
    await drained;
    expect([quiet.letGoBy, speaking.letGoBy]).toEqual(['terminate', 'terminate']);
    expect(speaking.sent(1)).toEqual(['Here you are.', '∎']);
  });

  it('lets go at once when every call is quiet', async () => {
    const roster = openRoster();
    const lines = [await roster.dial(1), await roster.dial(2)];
    await roster.drain(10_000);
    expect(lines.map(({ letGoBy }) => letGoBy)).toEqual(['terminate', 'terminate']);
  });

  it('answers what is asked meanwhile, and waits for that answer too', async () => {
    const turns = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const responder = responderOf(async function* ({ responseId }) {
      await turns[responseId - 1]?.promise;
      yield { kind: 'sentence', text: `Answer to ${responseId}.` };
      yield { kind: 'end' };
    });
    const roster = openRoster({ responder });
    const [first, second] = [await roster.dial(1), await roster.dial(2)];
    await first.ask(1, 'hi');
    const drained = roster.drain(10_000);
    await second.ask(2, 'hello');
    turns[0]?.resolve();
    await settle();
    expect([first.letGoBy, second.letGoBy]).toEqual([undefined, undefined]);
    turns[1]?.resolve();
    await drained;
    expect([first.sent(1), second.sent(2)]).toEqual([
      ['Answer to 1.', '∎'],
      ['Answer to 2.', '∎'],
    ]);
  });

  it('does not wait for a turn whose socket is lost, or whose call is over', async () => {
    const { roster } = inMidTurn();
    const [lost, over, quiet] = [await roster.dial(1), await roster.dial(2), await roster.dial(3)];
    await lost.ask(1, 'hi');
    await over.ask(1, 'hi');
    const drained = roster.drain(10_000);
    lost.drop();
    await settle();
    expect(quiet.letGoBy).toBeUndefined();
    await roster.end(callIdOf(2), 'user_hangup');
    await drained;
    expect(quiet.letGoBy).toBe('terminate');
  });

  it('goes on no longer than its deadline, whatever is asked', async () => {
    const roster = openRoster({ responder: responderOf(silence) });
    const lines = [await roster.dial(1), await roster.dial(2)];
    await lines[0]?.ask(1, 'hi');
    const drained = roster.drain(2_000);
    await roster.clock.advance(1_900);
    await lines[1]?.ask(1, 'hello');
    await roster.clock.advance(99);
    expect(lines.map(({ letGoBy }) => letGoBy)).toEqual([undefined, undefined]);
    await roster.clock.advance(1);
    await drained;
    expect(lines.map(({ letGoBy }) => letGoBy)).toEqual(['terminate', 'terminate']);
  });

  it('lets go of every call at the deadline, its open turn stored for the next process', async () => {
    const { roster } = inMidTurn();
    const line = await roster.dial(1);
    await line.ask(1, 'hi');
    const drained = roster.drain(300);
    await roster.clock.advance(300);
    await drained;
    expect(line.letGoBy).toBe('terminate');
    const stored = await roster.services.callStore.load(callIdOf(1), new AbortController().signal);
    expect(stored?.head.phase).toMatchObject({ kind: 'adrift', turn: { responseId: 1 } });
  });

  it('admits nobody any more, while it waits and after', async () => {
    const { roster, go } = inMidTurn();
    await (await roster.dial(2)).ask(1, 'hi');
    const drained = roster.drain(1_000);
    const during = await roster.dial(1);
    go();
    await drained;
    const after = await roster.dial(1);
    for (const line of [during, after]) expect([line.letGoBy, line.carried.length]).toEqual(['terminate', 0]);
  });

  it('leaves the greeting of a call that had not begun to the next process', async () => {
    const roster = openRoster();
    const line = await roster.dial(1, { details: 'none' });
    await roster.drain(1_000);
    expect([line.letGoBy, line.carried.length]).toEqual(['terminate', 0]);
    const stored = await roster.services.callStore.load(callIdOf(1), new AbortController().signal);
    expect(stored).toBeUndefined();
  });
});

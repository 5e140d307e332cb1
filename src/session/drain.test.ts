import { describe, expect, it } from 'vitest';
import { Fault } from '../std/fault.ts';
import { settle } from '../std/manual-clock.ts';
import { callIdOf, inMidTurn, openRoster, type TestRoster } from './roster.fixture.ts';

const idle = new AbortController().signal;
const stored = (roster: TestRoster, call: number) => roster.services.callStore.load(callIdOf(call), idle);
const dialAll = (roster: TestRoster, calls: number) =>
  Promise.all(Array.from({ length: calls }, (_, nth) => roster.dial(nth + 1)));

describe('handing over', () => {
  it('moves quiet calls after a while, one after another, 25 a second, without a close frame', async () => {
    const roster = openRoster();
    const lines = await dialAll(roster, 5);
    const drained = roster.drain(60_000, 'handOver');
    const gone = () => lines.filter(({ letGoBy }) => letGoBy === 'terminate').length;
    await roster.clock.advance(4_999);
    expect(gone()).toBe(0);
    await roster.clock.advance(41);
    expect(gone()).toBe(2);
    await roster.clock.advance(120);
    await drained;
    expect(gone()).toBe(5);
  });

  it('moves a call that speaks as soon as its turn is closed: Retell asks for nothing then', async () => {
    const { roster, go } = inMidTurn();
    const [quiet, speaking] = await dialAll(roster, 2);
    await speaking?.ask(1, 'hi');
    const drained = roster.drain(60_000, 'handOver');
    await roster.clock.advance(400);
    expect([quiet?.letGoBy, speaking?.letGoBy]).toEqual([undefined, undefined]);
    go();
    await settle();
    await roster.clock.advance(40);
    expect([quiet?.letGoBy, speaking?.letGoBy]).toEqual([undefined, 'terminate']);
    expect(speaking?.sent(1)).toEqual(['Here you are.', '∎']);
    await roster.clock.advance(5_000);
    await drained;
  });

  it('moves none of which nobody knows whether its caller is about to ask', async () => {
    const roster = openRoster();
    const [answered] = await dialAll(roster, 2);
    await answered?.ask(1, 'hi');
    const drained = roster.drain(60_000, 'handOver');
    await roster.clock.advance(4_900);
    expect(answered?.letGoBy).toBeUndefined();
    await roster.clock.advance(200);
    await drained;
  });

  it('counts the moves of a call, and moves none a third time before the deadline', async () => {
    let roster = openRoster();
    const { callStore } = roster.services;
    for (const moves of [1, 2]) {
      await roster.dial(1);
      const drained = roster.drain(60_000, 'handOver');
      await roster.clock.advance(5_000);
      await drained;
      expect((await stored(roster, 1))?.head.moves).toBe(moves);
      roster = openRoster({ callStore }, roster.clock);
    }
    const line = await roster.dial(1);
    const drained = roster.drain(60_000, 'handOver');
    await roster.clock.advance(59_990);
    expect(line.letGoBy).toBeUndefined();
    await roster.clock.advance(40);
    await drained;
    expect(line.letGoBy).toBe('terminate');
  });

  it('does not count a socket that was lost, or displaced by a newer one, as a move', async () => {
    const roster = openRoster();
    const lost = await roster.dial(1);
    lost.drop();
    await settle();
    await roster.dial(1);
    await roster.dial(1);
    expect((await stored(roster, 1))?.head.moves).toBeUndefined();
  });
});

describe('waiting', () => {
  it('keeps every call until it ends by itself', async () => {
    const roster = openRoster();
    const [line] = await dialAll(roster, 1);
    const drained = roster.drain(7_200_000, 'wait');
    await roster.clock.advance(7_139_000);
    expect(line?.letGoBy).toBeUndefined();
    await roster.end(callIdOf(1), 'user_hangup');
    await drained;
  });

  it('hands over those that are left in its last minute', async () => {
    const roster = openRoster();
    const lines = await dialAll(roster, 2);
    const drained = roster.drain(61_000, 'wait');
    await roster.clock.advance(6_080);
    await drained;
    expect(lines.map(({ letGoBy }) => letGoBy)).toEqual(['terminate', 'terminate']);
    expect((await stored(roster, 2))?.head.moves).toBe(1);
  });
});

describe('a call that another process has taken', () => {
  it('lets go of its older session, which writes nothing more', async () => {
    const roster = openRoster();
    const line = await roster.dial(1);
    const before = await stored(roster, 1);
    roster.fence(callIdOf(1), 1);
    await settle();
    expect(line.letGoBy).toBeUndefined();
    roster.fence(callIdOf(1), 2);
    await settle();
    expect(line.letGoBy).toBe('terminate');
    expect(await stored(roster, 1)).toEqual(before);
  });

  it('is not taken by a socket that nobody vouches for', async () => {
    const roster = openRoster();
    await roster.dial(1);
    const elsewhere = openRoster({ callStore: roster.services.callStore }, roster.clock);
    const stranger = await elsewhere.dial(1, { isProven: false });
    await roster.clock.advance(4_000);
    expect([stranger.letGoBy, stranger.carried.length]).toEqual(['terminate', 0]);
    expect(elsewhere.list()).toEqual([]);
  });

  it('is not taken by a stranger when the store does not say whose it is', async () => {
    const roster = openRoster();
    const line = await roster.dial(1);
    const { callStore } = roster.services;
    const away = { ...callStore, load: () => Promise.reject(new Fault('unavailable', 'store.away', 'away')) };
    const elsewhere = openRoster({ callStore: away }, roster.clock);
    const stranger = await elsewhere.dial(1, { isProven: false });
    await stranger.ask(1, 'who am I?');
    expect(stranger.sent(1).length).toBeGreaterThan(0);
    expect(elsewhere.list()).toMatchObject([{ isProven: false }]);
    await line.ask(1, 'hi');
    expect(line.letGoBy).toBeUndefined();
    expect((await stored(roster, 1))?.head.lastAsk).toBe(1);
  });

  it('is taken as soon as somebody vouches for the socket', async () => {
    const roster = openRoster();
    await roster.dial(1);
    const elsewhere = openRoster({ callStore: roster.services.callStore }, roster.clock);
    const line = await elsewhere.dial(1, { isProven: false });
    await roster.clock.advance(1_000);
    expect(line.carried).toEqual([]);
    elsewhere.prove(callIdOf(1));
    await settle();
    expect(elsewhere.list()).toHaveLength(1);
  });
});

import { describe, expect, it } from 'vitest';
import { sleep } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { createDependency, type Dependency, isAway } from './dependency.ts';

const idle = new AbortController().signal;
const gone = new Fault('unavailable', 'redis.unreachable', 'expected a connection, there is none');
const refusal = new Fault('invalid', 'spool.refused', 'expected something else');

function make() {
  const clock = new ManualClock();
  const options = {
    name: 'redis',
    deadlineMs: 100,
    lateReason: 'redis.timeout',
    crowdedReason: 'redis.crowded',
    restMs: 500,
    limit: 8,
  };
  return { clock, dependency: createDependency(options, clock) };
}

const good = (dependency: Dependency) => dependency.run(async () => 'fine', idle);
const bad = (dependency: Dependency, fault: Error = gone) =>
  expect(dependency.run(() => Promise.reject(fault), idle)).rejects.toBe(fault);

describe('a dependency', () => {
  it('has not answered until it has once, and says why', async () => {
    const { dependency } = make();
    expect(dependency.state()).toMatchObject({ name: 'redis', state: 'closed', hasAnswered: false });
    await bad(dependency);
    expect(dependency.state()).toMatchObject({
      name: 'redis',
      state: 'closed',
      hasAnswered: false,
      reason: 'redis.unreachable',
    });
    await good(dependency);
    expect(dependency.state()).toMatchObject({ name: 'redis', state: 'closed', hasAnswered: true });
  });

  it('gives up at its deadline on work that hangs, whatever the work does about its signal', async () => {
    const { clock, dependency } = make();
    const from = clock.now();
    const late = dependency
      .run(() => new Promise(() => {}), idle)
      .catch(({ reason }: Fault) => ({ reason, afterMs: clock.now() - from }));
    await clock.advance(5_000);
    expect(await late).toEqual({ reason: 'redis.timeout', afterMs: 100 });
    expect(dependency.state().reason).toBe('redis.timeout');
  });

  it('is left alone after five failures, for its rest and no longer, however often it fails again', async () => {
    const { clock, dependency } = make();
    await good(dependency);
    for (let i = 0; i < 5; i++) await bad(dependency);
    for (let probe = 0; probe < 6; probe++) {
      expect(dependency.state()).toMatchObject({ name: 'redis', state: 'open', reason: 'redis.unreachable' });
      await clock.advance(499);
      await expect(good(dependency)).rejects.toMatchObject({ reason: 'breaker.open' });
      await clock.advance(1);
      await bad(dependency);
    }
    await clock.advance(500);
    expect(await good(dependency)).toBe('fine');
    expect(dependency.state()).toMatchObject({ name: 'redis', state: 'closed' });
  });

  it('has answered when it refuses what it was asked: others are not cut off', async () => {
    const { dependency } = make();
    for (let i = 0; i < 20; i++) await bad(dependency, refusal);
    expect(dependency.state()).toMatchObject({ name: 'redis', state: 'closed' });
  });

  it('counts what nobody made a Fault of as a failure', async () => {
    const { dependency } = make();
    await good(dependency);
    for (let i = 0; i < 5; i++) await bad(dependency, new TypeError('not a function'));
    expect(dependency.state()).toMatchObject({ state: 'open', reason: 'internal.unexpected' });
  });

  it('learns nothing from work that was cancelled', async () => {
    const { dependency } = make();
    const enough = new Fault('cancelled', 'work.cancelled', 'enough');
    for (let i = 0; i < 5; i++) {
      const giveUp = new AbortController();
      const run = dependency.run(() => new Promise(() => {}), giveUp.signal);
      giveUp.abort(enough);
      await expect(run).rejects.toBe(enough);
    }
    expect(dependency.state()).toMatchObject({ name: 'redis', state: 'closed', hasAnswered: false });
    expect(await good(dependency)).toBe('fine');
  });

  it('takes no more at once than its limit, and is not away for it', async () => {
    const { clock, dependency } = make();
    const { promise, resolve } = Promise.withResolvers<void>();
    const runs = Array.from({ length: 8 }, () => dependency.run(() => promise, idle));
    for (let i = 0; i < 5; i++) await expect(good(dependency)).rejects.toMatchObject({ reason: 'bulkhead.full' });
    resolve();
    await Promise.all(runs);
    await clock.advance(0);
    expect(dependency.state()).toMatchObject({ name: 'redis', state: 'closed' });
  });
});

describe('a dependency that is asked for too much', () => {
  const crowded = new Fault('unavailable', 'redis.crowded', 'expected a free connection, there is none');

  it('is not away for it, though it has not answered either', async () => {
    const { dependency } = make();
    for (let i = 0; i < 20; i++) await bad(dependency, crowded);
    expect(dependency.state()).toEqual({ name: 'redis', state: 'closed', hasAnswered: false });
    for (let i = 0; i < 4; i++) await bad(dependency);
    await bad(dependency, crowded);
    await bad(dependency);
    expect(dependency.state()).toMatchObject({ state: 'open', reason: 'redis.unreachable' });
  });

  it('is asked in turn by whoever can wait: others find their places free, and the wait is in nobody’s time', async () => {
    const { clock, dependency } = make();
    const inTurn = dependency.inTurn(2);
    let most = 0;
    let now = 0;
    const work = async (within: AbortSignal) => {
      most = Math.max(most, ++now);
      await sleep(clock, 90, within);
      now--;
    };
    const all = Promise.all(Array.from({ length: 20 }, () => inTurn(work, idle)));
    await clock.advance(10);
    expect(await Promise.all(Array.from({ length: 8 }, () => good(dependency)))).toHaveLength(8);
    await clock.advance(900);
    await all;
    expect(most).toBe(2);
    expect(dependency.state()).toMatchObject({ state: 'closed', hasAnswered: true });
  });

  it('is away for those in turn too, whoever found out', async () => {
    const { clock, dependency } = make();
    const inTurn = dependency.inTurn(1);
    const late = Array.from({ length: 5 }, () =>
      inTurn(() => new Promise(() => {}), idle).catch((f: Fault) => f.reason),
    );
    await clock.advance(500);
    expect(await Promise.all(late)).toEqual(Array.from({ length: 5 }, () => 'redis.timeout'));
    expect(dependency.state()).toMatchObject({ state: 'open', reason: 'redis.timeout' });
    await expect(good(dependency)).rejects.toMatchObject({ reason: 'breaker.open' });
    await expect(inTurn(async () => 'fine', idle)).rejects.toMatchObject({ reason: 'breaker.open' });
    await clock.advance(500);
    expect(await inTurn(async () => 'fine', idle)).toBe('fine');
    expect(await good(dependency)).toBe('fine');
  });
});

describe('being away', () => {
  it.each([
    ['unavailable', true],
    ['timeout', true],
    ['exhausted', true],
    ['invalid', false],
    ['conflict', false],
    ['cancelled', false],
    ['bug', false],
  ] as const)('is not what every Fault says: %s %s', (kind, expected) => {
    expect(isAway(new Fault(kind, 'test.fault', 'whatever'))).toBe(expected);
  });

  it('is not said by what is no Fault', () => {
    expect(isAway(new TypeError('not a function'))).toBe(false);
  });
});

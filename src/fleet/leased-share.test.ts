import { beforeEach, describe, expect, it } from 'vitest';
import { leasesContract } from '../../test/contracts/leases.ts';
import { inMemory } from '../../test/contracts/subject.ts';
import { Fault } from '../std/fault.ts';
import { silentLog } from '../std/log.ts';
import { DEADLINE_MS, type Mode, redisOf } from './away.fixture.ts';
import { shareLeases } from './leased-share.ts';
import { sharedSlots, shareRig } from './shared-leases.fixture.ts';

const signal = new AbortController().signal;
const TTL_MS = 15_000;
const LIMIT = 3;
const WITHIN_MS = 2_000;

leasesContract(
  'a share',
  inMemory((clock) => shareLeases(sharedSlots(clock).leases, redisOf(clock), clock, silentLog)),
);

let { clock, slots, away, share, others } = shareRig();
beforeEach(() => {
  ({ clock, slots, away, share, others } = shareRig());
});

/** What came of it, within the deadline. */
async function timely<T>(work: Promise<T>): Promise<T> {
  const from = clock.now();
  let afterMs = Number.NaN;
  const timing = work.finally(() => {
    afterMs = clock.now() - from;
  });
  await clock.advance(DEADLINE_MS);
  expect(afterMs).toBeLessThanOrEqual(DEADLINE_MS);
  return timing;
}

const acquire = (holder: string, limit = LIMIT) => timely(share.acquire(holder, limit, TTL_MS, signal));
const adopt = (holder: string, ttlMs = TTL_MS) => timely(share.adopt(holder, ttlMs, signal));
const release = (holder: string) => timely(share.release(holder, signal));
const rename = (from: string, to: string) => timely(share.rename(from, to, TTL_MS, signal));
const count = () => timely(share.count(signal));
const acquireElsewhere = (holder: string) => others.acquire(holder, LIMIT, TTL_MS, signal);

async function comeBack(): Promise<void> {
  await away.comeBack();
  await clock.advance(WITHIN_MS);
}

/** Away, and known to be: what is changed from now on is not even tried. */
async function goAway(mode: Mode = 'gone'): Promise<void> {
  away.mode = mode;
  await clock.advance(1_500);
}

describe.each(['gone', 'silent', 'deaf', 'stopped'] as const)('while the keeper is %s', (mode) => {
  it('lets nobody new in where nothing was leased before', async () => {
    away.mode = mode;
    expect(await acquire('call-1')).toBe('full');
    await comeBack();
    expect(slots.holders()).toEqual([]);
  });

  it('keeps the slots of calls in progress, however long it takes', async () => {
    await acquire('call-1');
    away.mode = mode;
    for (let i = 0; i < 10; i++) {
      await adopt('call-1');
      await clock.advance(5_000);
    }
    expect(await acquire('call-1')).toBe('held');
    expect(await count()).toBe(1);
    await comeBack();
    expect(slots.holders()).toEqual(['call-1']);
  });

  it('uses a slot again that became free, once, and tells of it afterwards', async () => {
    await acquire('call-1');
    await acquire('call-2');
    await goAway(mode);
    await release('call-1');
    expect(await acquire('call-3')).toBe('held');
    expect(await acquire('call-4')).toBe('full');
    expect(await count()).toBe(2);
    await comeBack();
    expect(slots.holders()).toEqual(['call-2', 'call-3']);
    expect(await count()).toBe(2);
  });

  it('frees afterwards what was released meanwhile', async () => {
    await acquire('call-1');
    await acquire('call-2');
    away.mode = mode;
    await release('call-1');
    await release('call-2');
    await comeBack();
    expect(slots.holders()).toEqual([]);
  });

  it('hands the slot of a dial to its call', async () => {
    await acquire('dial:1');
    away.mode = mode;
    expect(await rename('dial:1', 'call-1')).toBe(true);
    expect(await rename('dial:1', 'call-1')).toBe(false);
    expect(await acquire('call-1')).toBe('held');
    await comeBack();
    expect(slots.holders()).toEqual(['call-1']);
  });

  it('adopts a call without asking for room', async () => {
    away.mode = mode;
    await adopt('call-1');
    expect(await acquire('call-1')).toBe('held');
    await comeBack();
    expect(slots.holders()).toEqual(['call-1']);
  });

  it('leaves no slot behind of a call that came and went', async () => {
    await acquire('call-1');
    await goAway(mode);
    await release('call-1');
    for (const holder of ['call-2', 'call-3', 'call-1']) {
      expect(await acquire(holder)).toBe('held');
      await adopt(holder);
      await release(holder);
    }
    await comeBack();
    expect(slots.holders()).toEqual([]);
  });

  it('keeps as many slots as there are calls, whoever took whose', async () => {
    await acquire('call-1');
    await acquire('call-2');
    await goAway(mode);
    await release('call-1');
    await acquire('call-3');
    await release('call-2');
    await acquire('call-1');
    await release('call-3');
    expect(await acquire('call-2')).toBe('held');
    await comeBack();
    expect(slots.holders()).toEqual(['call-1', 'call-2']);
  });
});

it('uses a freed slot no longer than its lease runs', async () => {
  await acquire('call-1');
  await acquire('call-2');
  await goAway();
  await release('call-1');
  await release('call-2');
  await clock.advance(TTL_MS - 1_500 - 300 - 2 * DEADLINE_MS);
  expect(await acquire('call-3')).toBe('held');
  await clock.advance(2 * DEADLINE_MS);
  expect(await acquire('call-4')).toBe('full');
});

it('does not use again what others may have been given: a release whose answer was lost', async () => {
  for (const holder of ['call-1', 'call-2', 'call-3']) await acquire(holder);
  away.mode = 'deaf';
  await release('call-1');
  expect(await acquireElsewhere('call-9')).toBe('held');
  expect(await acquire('call-4')).toBe('full');
  await comeBack();
  expect(slots.holders()).toEqual(['call-2', 'call-3', 'call-9']);
});

it('uses again what it did not even try to release, for the breaker was open', async () => {
  const redis = redisOf(clock);
  share = shareLeases(away.port, redis, clock, silentLog);
  await acquire('call-1');
  for (let i = 0; i < 5; i++) {
    const failing = redis.run(() => Promise.reject(new Fault('timeout', 'redis.timeout', 'late')), signal);
    await expect(failing).rejects.toThrow();
  }
  await share.release('call-1', signal);
  expect(await share.acquire('call-2', LIMIT, TTL_MS, signal)).toBe('held');
});

it('does not use again what it has given back since', async () => {
  for (const holder of ['call-1', 'call-2', 'call-3']) await acquire(holder);
  await goAway();
  await release('call-1');
  await comeBack();
  expect(await acquireElsewhere('call-9')).toBe('held');
  await goAway();
  expect(await acquire('call-4')).toBe('full');
});

it('lets a call that comes back go before new ones', async () => {
  await acquire('call-1');
  await goAway();
  await release('call-1');
  await adopt('call-1');
  expect(await acquire('call-2')).toBe('full');
});

it('does not let in more than a limit that was lowered meanwhile', async () => {
  await acquire('call-1');
  await acquire('call-2');
  await goAway();
  await release('call-1');
  expect(await acquire('call-3', 1)).toBe('full');
});

it('tells the keeper first what changed, whatever it is asked', async () => {
  for (const holder of ['call-1', 'call-2', 'call-3']) await acquire(holder);
  await goAway();
  await release('call-1');
  await acquire('call-4');
  await away.comeBack();
  expect(await others.acquire('call-9', LIMIT, TTL_MS, signal)).toBe('full');
  await clock.advance(500);
  expect(await acquire('call-5')).toBe('full');
  expect(slots.holders()).toEqual(['call-2', 'call-3', 'call-4']);
});

it('asks and tells within one deadline', async () => {
  for (const holder of ['call-1', 'call-2']) await acquire(holder);
  away.mode = 'gone';
  await release('call-1');
  await away.comeBack();
  away.delayMs = 40;
  expect(await acquire('call-3')).toBe('full');
  away.delayMs = 0;
  await clock.advance(WITHIN_MS);
  expect(slots.holders()).toEqual(['call-2']);
});

it('does not freeze what others may use: slots expire while somebody is there', async () => {
  await acquire('call-1');
  away.mode = 'gone';
  await clock.advance(TTL_MS);
  expect(slots.holders()).toEqual([]);
});

it('does not claim again a dial whose slot was handed on elsewhere', async () => {
  await acquire('dial:1');
  expect(await others.rename('dial:1', 'call-1', TTL_MS, signal)).toBe(true);
  await goAway();
  await comeBack();
  expect(slots.holders()).toEqual(['call-1']);
});

it('claims again at once what a keeper has lost', async () => {
  await acquire('call-1');
  await adopt('call-1');
  await goAway();
  slots.lose();
  await comeBack();
  expect(slots.holders()).toEqual(['call-1']);
});

it('claims a slot for as long as it was asked for', async () => {
  await acquire('call-1');
  away.mode = 'gone';
  await adopt('call-1', 60_000);
  await comeBack();
  await clock.advance(50_000);
  expect(slots.holders()).toEqual(['call-1']);
  await clock.advance(10_000);
  expect(slots.holders()).toEqual([]);
});

it('forgets whoever let its lease run out', async () => {
  await acquire('call-1');
  await goAway();
  expect(await count()).toBe(1);
  await clock.advance(TTL_MS);
  await adopt('call-2');
  expect(await acquire('call-1')).toBe('full');
  await comeBack();
  expect(slots.holders()).toEqual(['call-2']);
});

it('counts what is here when the keeper cannot be asked', async () => {
  await acquireElsewhere('call-9');
  await acquire('call-1');
  expect(await count()).toBe(2);
  away.mode = 'gone';
  for (const holder of ['call-1', 'call-2', 'call-3']) await adopt(holder);
  expect(await count()).toBe(3);
});

it('throws what says nothing of the keeper being away', async () => {
  const wrong = new Fault('bug', 'redis.failed', 'expected Redis to understand');
  share = shareLeases({ ...away.port, acquire: () => Promise.reject(wrong) }, redisOf(clock), clock, silentLog);
  await expect(share.acquire('call-1', LIMIT, TTL_MS, signal)).rejects.toBe(wrong);
});

it('is not given up by one who gave up waiting for all', async () => {
  await acquire('call-1');
  away.mode = 'gone';
  await release('call-1');
  await away.comeBack();
  away.delayMs = 20;
  const giveUp = new AbortController();
  const reason = new Fault('cancelled', 'work.cancelled', 'enough');
  const first = share.acquire('call-2', LIMIT, TTL_MS, giveUp.signal).catch((thrown: unknown) => thrown);
  const second = share.acquire('call-3', LIMIT, TTL_MS, signal);
  await clock.advance(10);
  giveUp.abort(reason);
  await clock.advance(DEADLINE_MS);
  expect(await first).toBe(reason);
  expect(await second).toBe('held');
});

describe('closing', () => {
  it('tells what is left to tell', async () => {
    await acquire('call-1');
    await goAway();
    await release('call-1');
    await away.comeBack();
    await clock.advance(0);
    const closing = share.close();
    await clock.advance(WITHIN_MS);
    await closing;
    expect(slots.holders()).toEqual([]);
  });

  it('beats no more', async () => {
    await share.close();
    const { asked } = away;
    await clock.advance(10_000);
    expect(away.asked).toBe(asked);
  });
});

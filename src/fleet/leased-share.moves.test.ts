import { beforeEach, describe, expect, it } from 'vitest';
import { shareRig } from './shared-leases.fixture.ts';

const signal = new AbortController().signal;
const TTL_MS = 15_000;
const LIMIT = 3;
const WITHIN_MS = 2_000;

let { clock, slots, away, share, others } = shareRig();
beforeEach(() => {
  ({ clock, slots, away, share, others } = shareRig());
});

const acquire = (holder: string, limit = LIMIT) => share.acquire(holder, limit, TTL_MS, signal);
const acquireElsewhere = (holder: string) => others.acquire(holder, LIMIT, TTL_MS, signal);

/** Away, and known to be: what is changed from now on is not even tried. */
async function goAway(): Promise<void> {
  away.mode = 'gone';
  await clock.advance(1_500);
}

async function comeBack(): Promise<void> {
  await away.comeBack();
  await clock.advance(WITHIN_MS);
}

describe('a call that moves', () => {
  it('frees its slot where it is, and not where it was', async () => {
    await acquire('call-1', 1);
    await share.leave('call-1', 2 * TTL_MS, signal);
    await others.adopt('call-1', TTL_MS, signal);
    await goAway();
    await share.release('call-1', signal);
    expect(await acquire('call-2', 1)).toBe('full');
    await comeBack();
    expect(slots.holders()).toEqual(['call-1']);
  });

  it('is forgotten where it was, also when its loss was not noticed there', async () => {
    await acquire('call-1', 1);
    await share.adopt('call-1', TTL_MS, signal);
    share.forget('call-1');
    await others.adopt('call-1', TTL_MS, signal);
    await others.release('call-1', signal);
    expect(await others.acquire('call-9', 1, TTL_MS, signal)).toBe('held');
    await goAway();
    await share.release('call-1', signal);
    expect(await acquire('call-2', 1)).toBe('full');
    await comeBack();
    expect(slots.holders()).toEqual(['call-9']);
  });

  it('makes no room where it came to: its slot may be used again where it was', async () => {
    await acquireElsewhere('call-1');
    await share.adopt('call-1', TTL_MS, signal);
    await goAway();
    await share.release('call-1', signal);
    expect(await acquire('call-2')).toBe('full');
    await comeBack();
    expect(slots.holders()).toEqual([]);
  });
});

it('makes no room of a slot that was handed to a call, which may be answered elsewhere', async () => {
  await acquire('dial:1', 1);
  await share.rename('dial:1', 'call-1', TTL_MS, signal);
  await others.adopt('call-1', TTL_MS, signal);
  await others.release('call-1', signal);
  expect(await others.acquire('call-9', 1, TTL_MS, signal)).toBe('held');
  await goAway();
  await share.release('call-1', signal);
  expect(await acquire('call-2', 1)).toBe('full');
});

it('lets in a call in which a dial resulted, though it was handed its slot before the keeper went away', async () => {
  await acquire('dial:1', 1);
  await share.rename('dial:1', 'call-1', TTL_MS, signal);
  await goAway();
  expect(await acquire('call-1', 1)).toBe('held');
});

it('frees nothing for a call that it knows nothing of: its slot may be in use again under its name', async () => {
  await acquireElsewhere('call-1');
  await goAway();
  await share.release('call-1', signal);
  await comeBack();
  expect(slots.holders()).toEqual(['call-1']);
});

describe('a call that was left', () => {
  it('is not claimed again when it has ended elsewhere', async () => {
    await acquire('call-1');
    await share.adopt('call-1', TTL_MS, signal);
    await share.leave('call-1', 2 * TTL_MS, signal);
    await others.release('call-1', signal);
    await goAway();
    await comeBack();
    expect(slots.holders()).toEqual([]);
  });

  it('while the keeper was away is kept for as long as it was asked for, if it still has its slot', async () => {
    for (const holder of ['call-1', 'call-2']) await acquire(holder);
    await goAway();
    for (const holder of ['call-1', 'call-2']) await share.leave(holder, 2 * TTL_MS, signal);
    await others.release('call-2', signal);
    await comeBack();
    await clock.advance(2 * TTL_MS - 5_000);
    expect(slots.holders()).toEqual(['call-1']);
  });

  it('while the keeper was away is told of when it was let in meanwhile', async () => {
    await acquire('call-1');
    await goAway();
    await share.release('call-1', signal);
    await acquire('call-2');
    await share.leave('call-2', 2 * TTL_MS, signal);
    expect(await share.count(signal)).toBe(1);
    await comeBack();
    expect(slots.holders()).toEqual(['call-2']);
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { newCallId, sampleHead } from '../../test/contracts/samples.ts';
import type { SharedCallStore } from '../ports/call-store.ts';
import { Fault } from '../std/fault.ts';
import { DEADLINE_MS } from './away.fixture.ts';
import { keptRig, words } from './kept-calls.fixture.ts';

const signal = new AbortController().signal;

let rig = keptRig();
let {
  clock,
  shared,
  away,
  others,
  kept,
  fenced,
  callId,
  timed,
  take,
  commit,
  commitOf,
  comeBack,
  goAway,
  seqs,
  stored,
} = rig;
beforeEach(() => {
  rig = keptRig();
  ({
    clock,
    shared,
    away,
    others,
    kept,
    fenced,
    callId,
    timed,
    take,
    commit,
    commitOf,
    comeBack,
    goAway,
    seqs,
    stored,
  } = rig);
});

describe('a call that another process has', () => {
  it('is not overwritten when it was taken there meanwhile', async () => {
    await take();
    await commit(1);
    away.mode = 'gone';
    await commit(2);
    await others.take(callId, signal);
    await others.commit(callId, 2, commitOf(5), signal);
    await comeBack();
    expect(fenced).toEqual([callId]);
    expect((await stored())?.head).toEqual(sampleHead(5));
    expect(await seqs()).toEqual([1, 5]);
    expect(await commit(3)).toBe('fenced');
  });

  it.each([1, 2, 3])('is not overwritten when it was taken here %i times without the store', async (times) => {
    await take();
    await commit(1);
    away.mode = 'gone';
    await others.take(callId, signal);
    await others.commit(callId, 2, commitOf(5), signal);
    for (let i = 1; i <= times; i++) {
      expect((await take()).epoch).toBe(1 + i);
      expect(await commit(10 + i, 1 + i)).toBe('kept');
    }
    await comeBack();
    expect(fenced).toEqual([callId]);
    expect((await stored())?.head).toEqual(sampleHead(5));
    expect(await others.commit(callId, 2, commitOf(6), signal)).toBe('committed');
  });

  it('is theirs when a take finds out', async () => {
    await take();
    away.mode = 'gone';
    await commit(2);
    await others.take(callId, signal);
    await others.commit(callId, 2, commitOf(5), signal);
    await away.comeBack();
    expect(await take()).toMatchObject({ epoch: 3, stored: { head: sampleHead(5) } });
    expect(fenced).toEqual([callId]);
  });

  it('is forgotten when it is heard of', async () => {
    await take();
    await commit(1);
    kept.forget(callId, 1);
    away.mode = 'gone';
    expect((await timed(kept.load(callId, signal))).outcome).toMatchObject({ head: sampleHead(1) });
    kept.forget(callId, 2);
    expect((await timed(kept.load(callId, signal))).outcome).toBe('redis.unreachable');
  });

  it('refuses a commit while the store is there', async () => {
    await take();
    await others.take(callId, signal);
    expect(await commit(1)).toBe('fenced');
    expect(await seqs()).toEqual([]);
  });
});

describe('a take whose answer was lost', () => {
  it('is ours: what was committed since is written', async () => {
    await take();
    await commit(1);
    away.mode = 'deaf';
    expect((await take()).epoch).toBe(2);
    expect(await commit(2, 2)).toBe('kept');
    await comeBack();
    expect(fenced).toEqual([]);
    expect((await stored())?.head).toEqual(sampleHead(2));
    expect((await take()).epoch).toBe(3);
  });

  it('does not lose the call when it is heard of before it is given up', async () => {
    await take();
    await commit(1);
    away.mode = 'deaf';
    const taking = kept.take(callId, signal);
    await clock.advance(DEADLINE_MS / 2);
    kept.forget(callId, 2);
    await clock.advance(DEADLINE_MS);
    expect(await taking).toEqual({ epoch: 2, stored: { head: sampleHead(1), utterances: [words(1)] } });
  });
});

describe('a store that lost all it had', () => {
  it('is given a call in progress anew', async () => {
    await take();
    await commit(1);
    shared.lose();
    expect(await commit(2)).toBe('committed');
    expect(await stored()).toEqual({ head: sampleHead(2), utterances: [words(1), words(2)] });
    expect(await take()).toMatchObject({ epoch: 2 });
  });

  it('is given every call anew after an outage, those of which nothing was heard included', async () => {
    await take();
    await commit(1);
    await goAway();
    await clock.advance(1_000);
    shared.lose();
    await comeBack();
    expect(await stored()).toEqual({ head: sampleHead(1), utterances: [words(1)] });
    expect(fenced).toEqual([]);
    expect(await others.take(callId, signal)).toMatchObject({ epoch: 2 });
  });

  it('does not make a known call a new one', async () => {
    await take();
    await take();
    await commit(1, 2);
    shared.lose();
    expect(await take()).toEqual({ epoch: 3, stored: { head: sampleHead(1), utterances: [words(1)] } });
    expect(await commit(2, 3)).toBe('committed');
    expect((await stored())?.head).toEqual(sampleHead(2));
  });

  it('keeps the call of whoever took it since', async () => {
    await take();
    await commit(1);
    shared.lose();
    await others.take(callId, signal);
    await others.commit(callId, 1, commitOf(5), signal);
    expect(await commit(2)).toBe('fenced');
    expect((await stored())?.head).toEqual(sampleHead(5));
  });
});

it('does not bring back a call that was removed meanwhile', async () => {
  await take();
  await commit(1);
  away.mode = 'gone';
  await commit(2);
  await others.remove(callId, signal);
  await comeBack();
  expect(await stored()).toBeUndefined();
  expect(fenced).toEqual([callId]);
});

it('does not let a call that is refused for good hold up the others', async () => {
  const bad = newCallId();
  const restore: SharedCallStore['restore'] = async (id, ...rest) => {
    if (id === bad) throw new Fault('bug', 'redis.failed', 'expected Redis to understand');
    return away.port.restore(id, ...rest);
  };
  const store = { ...shared.seenBy('us'), take: away.port.take, commit: away.port.commit, restore };
  kept = rig.use({ store });
  away.mode = 'gone';
  for (const id of [bad, callId]) {
    await kept.take(id, signal);
    await kept.commit(id, 1, commitOf(1), signal);
  }
  await comeBack();
  expect((await others.list(signal)).map((call) => call.callId)).toEqual([callId]);
});

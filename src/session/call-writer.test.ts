import { describe, expect, it } from 'vitest';
import { CallScript } from '../../test/call-script.ts';
import type { Call } from '../call/call.ts';
import type { CallEvent } from '../call/events.ts';
import type { Commit, CommitOutcome } from '../ports/call-store.ts';
import { Fault } from '../std/fault.ts';
import { ManualClock, settle } from '../std/manual-clock.ts';
import { createCallWriter } from './call-writer.ts';
import { heard, recordedLog } from './roster.fixture.ts';

const down = () => new Fault('unavailable', 'store.down', 'expected a store, it is away');

/** A writer whose commits wait until they are answered, one after another. */
function openWriter() {
  const clock = new ManualClock();
  const commits: { readonly commit: Commit; readonly answer: (how: CommitOutcome | Fault) => void }[] = [];
  const pushed: string[] = [];
  const facts: CallEvent[] = [];
  const callStore = {
    commit: (_id: string, _epoch: number, commit: Commit) =>
      new Promise<CommitOutcome>((resolve, reject) => {
        commits.push({ commit, answer: (how) => (how instanceof Fault ? reject(how) : resolve(how)) });
      }),
  };
  const services = { callStore, clock, log: recordedLog(), observe: (event: CallEvent) => void facts.push(event) };
  const writer = createCallWriter(services, [], ({ kind }) => pushed.push(kind));
  const answer = async (how: CommitOutcome | Fault = 'committed') => {
    commits.at(-1)?.answer(how);
    await settle();
  };
  return { ...writer, clock, commits, pushed, facts, answer };
}

const callWith = (...words: readonly string[]): Call => ({ ...new CallScript().call, transcript: heard(...words) });

describe('commits', () => {
  it('leave one after another, the first at once', async () => {
    const writer = openWriter();
    writer.commit(callWith('hi'), []);
    expect(writer.commits).toHaveLength(1);
    writer.commit(callWith('hi'), []);
    await settle();
    expect(writer.commits).toHaveLength(1);
    await writer.answer();
    expect(writer.commits).toHaveLength(2);
    await writer.answer();
    writer.commit(callWith('hi'), []);
    expect(writer.commits).toHaveLength(3);
  });

  it('carry only the utterances that the store does not have', async () => {
    const writer = openWriter();
    writer.commit(callWith('hi'), []);
    await writer.answer();
    writer.commit(callWith('hi', 'a table'), []);
    expect(writer.commits[1]?.commit.appended.map(({ index }) => index)).toEqual([2, 3]);
  });

  it('that failed are made up for by the next one: every utterance, and every fact in its order', async () => {
    const writer = openWriter();
    writer.record({ type: 'call.adrift' }, callWith('hi'));
    writer.commit(callWith('hi'), []);
    writer.record({ type: 'call.adrift' }, callWith('hi'));
    writer.commit(callWith('hi', 'a table'), []);
    await writer.answer(down());
    const next = writer.commits[1]?.commit;
    expect(next?.appended.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(next?.facts.map(({ seq }) => seq)).toEqual([0, 1]);
  });

  it('that were waited for are confirmed though they failed: the caller is not kept waiting', async () => {
    const writer = openWriter();
    writer.commit(callWith(), ['greeting']);
    await settle();
    expect(writer.pushed).toEqual([]);
    await writer.answer(down());
    expect(writer.pushed).toEqual(['committed']);
  });

  it('that are refused confirm nothing, and are the last', async () => {
    const writer = openWriter();
    writer.commit(callWith(), ['greeting']);
    await writer.answer('fenced');
    expect(writer.pushed).toEqual(['fenced']);
    expect(writer.isFenced()).toBe(true);
    writer.commit(callWith(), []);
    await writer.close();
    expect(writer.commits).toHaveLength(1);
  });

  it('are waited for at the end, but not for ever', async () => {
    const writer = openWriter();
    writer.commit(callWith('hi'), []);
    let isClosed = false;
    const closed = writer.close().then(() => {
      isClosed = true;
    });
    await writer.clock.advance(1_999);
    expect(isClosed).toBe(false);
    await writer.clock.advance(1);
    await closed;
  });
});

describe('a call', () => {
  it.each([
    ['committed', true],
    ['kept', false],
    ['fenced', false],
    [down(), false],
  ] as const)('is held for certain once its newest commit is stored where every process sees it: %s', async (how, isHeld) => {
    const writer = openWriter();
    writer.commit(callWith(), []);
    const asked = writer.isHeld();
    await writer.answer(how);
    expect(await asked).toBe(isHeld);
  });

  it('is not held before anything is stored, nor when another session is known to have it', async () => {
    const writer = openWriter();
    expect(await writer.isHeld()).toBe(false);
    writer.commit(callWith(), []);
    await writer.answer();
    writer.fence();
    expect(await writer.isHeld()).toBe(false);
  });
});

describe('facts', () => {
  it('are observed in the millisecond they are recorded, and numbered within their epoch', () => {
    const writer = openWriter();
    for (let times = 0; times < 2; times++) writer.record({ type: 'call.adrift' }, callWith());
    const at = writer.clock.now();
    expect(writer.facts).toMatchObject([
      { type: 'call.adrift', v: 1, epoch: 1, seq: 0, at },
      { type: 'call.adrift', v: 1, epoch: 1, seq: 1, at },
    ]);
  });
});

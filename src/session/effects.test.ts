import { describe, expect, it } from 'vitest';
import { CallScript } from '../../test/call-script.ts';
import type { Call } from '../call/call.ts';
import type { Effect } from '../call/effects.ts';
import type { CallEvent } from '../call/events.ts';
import type { Commit, CommitOutcome } from '../ports/call-store.ts';
import { Fault } from '../std/fault.ts';
import { ManualClock, settle } from '../std/manual-clock.ts';
import { createEffectRunner } from './effects.ts';
import { agentOf, deskOf, heard, RecordedLine, recordedLog, responderOf, silence } from './roster.fixture.ts';

const COMMIT: Effect = { kind: 'commit' };
const FACT: Effect = { kind: 'record', fact: { type: 'call.adrift' } };
const say = (text: string): Effect => ({ kind: 'say', responseId: 1, text, isComplete: false });
const down = () => new Fault('unavailable', 'store.down', 'expected a store, it is away');

/** A runner whose commits wait until they are answered, one after another. */
function openRunner(draft?: Parameters<typeof responderOf>[0]) {
  const clock = new ManualClock();
  const commits: { readonly commit: Commit; readonly answer: (how: CommitOutcome | Fault) => void }[] = [];
  const pushed: string[] = [];
  const facts: CallEvent[] = [];
  const services = {
    clock,
    log: recordedLog(),
    responder: responderOf(draft),
    toolDesk: deskOf(),
    observe: (event: CallEvent) => void facts.push(event),
    callStore: {
      commit: (_id: string, _epoch: number, commit: Commit) =>
        new Promise<CommitOutcome>((resolve, reject) => {
          commits.push({ commit, answer: (how) => (how instanceof Fault ? reject(how) : resolve(how)) });
        }),
    },
  };
  const line = new RecordedLine();
  const runner = createEffectRunner(services, agentOf(), line, [], (input) => {
    pushed.push(input.kind === 'chunk' ? input.chunk.kind : input.kind);
  });
  const answer = async (how: CommitOutcome | Fault = 'committed') => {
    commits.at(-1)?.answer(how);
    await settle();
  };
  return { ...runner, clock, commits, pushed, facts, line, answer };
}

const callWith = (...words: readonly string[]): Call => ({ ...new CallScript().call, transcript: heard(...words) });

describe('commits', () => {
  it('and words that come together leave together: the call as it is then, before a word of it', async () => {
    const runner = openRunner();
    const before = callWith('hi');
    runner.run([COMMIT, say('One.')], before);
    runner.run([COMMIT, say('Two.')], callWith('hi', 'a table'));
    expect(runner.commits).toHaveLength(0);
    await settle();
    expect(runner.commits.map(({ commit }) => commit.head.heard)).toEqual([4]);
    expect(runner.line.carried).toEqual([say('One.'), say('Two.')]);
  });

  it('leave one after another, the first at once', async () => {
    const runner = openRunner();
    runner.run([COMMIT], callWith('hi'));
    runner.flush();
    expect(runner.commits).toHaveLength(1);
    runner.run([COMMIT], callWith('hi'));
    await settle();
    expect(runner.commits).toHaveLength(1);
    await runner.answer();
    expect(runner.commits).toHaveLength(2);
    await runner.answer();
    runner.run([COMMIT], callWith('hi'));
    runner.flush();
    expect(runner.commits).toHaveLength(3);
  });

  it('carry only the utterances that the store does not have', async () => {
    const runner = openRunner();
    runner.run([COMMIT], callWith('hi'));
    await settle();
    await runner.answer();
    runner.run([COMMIT], callWith('hi', 'a table'));
    await settle();
    expect(runner.commits[1]?.commit.appended.map(({ index }) => index)).toEqual([2, 3]);
  });

  it('that failed are made up for by the next one: every utterance, and every fact in its order', async () => {
    const runner = openRunner();
    runner.run([FACT, COMMIT], callWith('hi'));
    await settle();
    runner.run([FACT, COMMIT], callWith('hi', 'a table'));
    await runner.answer(down());
    const next = runner.commits[1]?.commit;
    expect(next?.appended.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(next?.facts.map(({ seq }) => seq)).toEqual([0, 1]);
  });

  it('that were waited for are confirmed though they failed: the caller is not kept waiting', async () => {
    const runner = openRunner();
    runner.run([{ kind: 'commit', tag: 'greeting' }], callWith());
    await settle();
    expect(runner.pushed).toEqual([]);
    await runner.answer(down());
    expect(runner.pushed).toEqual(['committed']);
  });

  it('that are refused fence the session and confirm nothing', async () => {
    const runner = openRunner();
    runner.run([{ kind: 'commit', tag: 'greeting' }], callWith());
    await settle();
    await runner.answer('fenced');
    expect(runner.pushed).toEqual(['fenced']);
    runner.run([COMMIT, say('Two of us.')], callWith());
    await runner.close();
    expect(runner.commits).toHaveLength(1);
    expect(runner.line.carried).toEqual([]);
  });

  it('are waited for at the end, but not for ever', async () => {
    const runner = openRunner();
    runner.run([COMMIT], callWith('hi'));
    let isClosed = false;
    const closed = runner.close().then(() => {
      isClosed = true;
    });
    await runner.clock.advance(1_999);
    expect(isClosed).toBe(false);
    await runner.clock.advance(1);
    await closed;
  });
});

describe('facts', () => {
  it('are observed in the millisecond they are recorded, and numbered within their epoch', () => {
    const runner = openRunner();
    runner.run([FACT, FACT], callWith());
    const at = runner.clock.now();
    expect(runner.facts).toMatchObject([
      { type: 'call.adrift', v: 1, epoch: 1, seq: 0, at },
      { type: 'call.adrift', v: 1, epoch: 1, seq: 1, at },
    ]);
  });
});

describe('clocks', () => {
  it('run out at their time, once, and not when they were stopped or set anew', async () => {
    const runner = openRunner();
    const at = runner.clock.now() + 700;
    runner.run(
      [
        { kind: 'arm', timer: 'filler', at },
        { kind: 'arm', timer: 'final', at },
      ],
      callWith(),
    );
    runner.run(
      [
        { kind: 'disarm', timer: 'final' },
        { kind: 'arm', timer: 'filler', at: at + 300 },
      ],
      callWith(),
    );
    await runner.clock.advance(999);
    expect(runner.pushed).toEqual([]);
    await runner.clock.advance(60_000);
    expect(runner.pushed).toEqual(['timer']);
  });
});

describe('a draft', () => {
  const order = { draftId: '1.1.1', attempt: 1, responseId: 1, transcript: heard('hi') } as const;
  const draft: Effect = {
    kind: 'draft',
    order: { ...order, settledTools: [], variables: {}, said: [], isProven: true },
  };

  it('returns what it brings as inputs', async () => {
    const runner = openRunner();
    runner.run([draft], callWith('hi'));
    await settle();
    expect(runner.pushed).toEqual(['sentence', 'end']);
  });

  it('that is aborted or closed on brings nothing, not even its failure', async () => {
    const signals: AbortSignal[] = [];
    const runner = openRunner((asked, signal) => {
      signals.push(signal);
      return silence(asked, signal);
    });
    runner.run([draft, { kind: 'abort', draftId: '1.1.1' }], callWith('hi'));
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    runner.run([{ kind: 'draft', order: { ...draft.order, draftId: '1.1.2' } }], callWith('hi'));
    await runner.close();
    await settle();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(runner.pushed).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { CallScript } from '../../test/call-script.ts';
import type { Call } from '../call/call.ts';
import type { Effect } from '../call/effects.ts';
import type { Commit, CommitOutcome } from '../ports/call-store.ts';
import { ManualClock, settle } from '../std/manual-clock.ts';
import { createEffectRunner } from './effects.ts';
import { agentOf, deskOf, heard, RecordedLine, recordedLog, responderOf, silence } from './roster.fixture.ts';

const COMMIT: Effect = { kind: 'commit' };
const say = (text: string): Effect => ({ kind: 'say', responseId: 1, text, isComplete: false });

function openRunner(draft?: Parameters<typeof responderOf>[0]) {
  const clock = new ManualClock();
  const commits: Commit[] = [];
  const pushed: string[] = [];
  const services = {
    clock,
    log: recordedLog(),
    responder: responderOf(draft),
    toolDesk: deskOf(),
    observe: () => {},
    callStore: {
      async commit(_id: string, _epoch: number, commit: Commit): Promise<CommitOutcome> {
        commits.push(commit);
        return 'committed';
      },
    },
  };
  const line = new RecordedLine();
  const runner = createEffectRunner(services, agentOf(), line, [], (input) => {
    pushed.push(input.kind === 'chunk' ? input.chunk.kind : input.kind);
  });
  return { ...runner, clock, commits, pushed, line };
}

const callWith = (...words: readonly string[]): Call => ({ ...new CallScript().call, transcript: heard(...words) });

describe('commits and words', () => {
  it('that come together leave together: the call as it is then, before a word of it', async () => {
    const runner = openRunner();
    const before = callWith('hi');
    runner.run([COMMIT, say('One.')], before);
    runner.run([COMMIT, say('Two.')], callWith('hi', 'a table'));
    expect(runner.commits).toHaveLength(0);
    await settle();
    expect(runner.commits.map(({ head }) => head.heard)).toEqual([4]);
    expect(runner.line.carried).toEqual([say('One.'), say('Two.')]);
  });

  it('do not leave once a newer session holds the call', async () => {
    const runner = openRunner();
    runner.run([COMMIT, say('Two of us.')], callWith());
    runner.fence();
    await runner.close();
    expect(runner.commits).toEqual([]);
    expect(runner.line.carried).toEqual([]);
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

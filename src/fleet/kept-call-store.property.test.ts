import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { newCallId, sampleEvent, sampleHead } from '../../test/contracts/samples.ts';
import type { CallId } from '../call/call.ts';
import type { CallEvent } from '../call/events.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { awayAtWill, type Mode, redisOf } from './away.fixture.ts';
import { keepCalls } from './kept-call-store.ts';
import { sharedCalls } from './shared-calls.fixture.ts';

const signal = new AbortController().signal;

type Happening =
  | { readonly kind: 'take'; readonly call: number }
  | { readonly kind: 'commit'; readonly call: number; readonly at: number; readonly isLate: boolean }
  | { readonly kind: 'fact'; readonly call: number }
  | { readonly kind: 'mode'; readonly mode: Mode }
  | { readonly kind: 'slow'; readonly delayMs: number }
  | { readonly kind: 'wait'; readonly ms: number };

const call = fc.nat(2);
const happeningsOf = (modes: readonly Mode[], slowestMs: number) =>
  fc.array(
    fc.oneof(
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('take' as const), call }) },
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('commit' as const),
          call,
          at: fc.nat(4),
          isLate: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, fc.constant(true)),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('fact' as const), call }) },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('mode' as const), mode: fc.constantFrom<Mode>('there', ...modes) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(30, 145, 155, 260, 700) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('slow' as const), delayMs: fc.nat(slowestMs) }) },
    ),
    { maxLength: 60, size: 'max' },
  );

/** What is stored at the end, and every fact, of a process that may have lost its store for a while. */
async function play(happenings: readonly Happening[], hasOutages: boolean) {
  const clock = new ManualClock();
  const shared = sharedCalls(clock);
  const away = awayAtWill(shared.seenBy('us'), clock);
  const fenced: CallId[] = [];
  const kept = keepCalls({
    store: away.port,
    dependency: redisOf(clock),
    onFenced: (callId) => void fenced.push(callId),
    clock,
    log: silentLog,
  });
  const calls = Array.from({ length: 3 }, (_, i) => ({ callId: IDS[i] ?? newCallId(), epoch: 0, seq: 0 }));
  const answers: unknown[] = [];
  const ask = async (work: Promise<unknown>) => {
    const from = clock.now();
    let afterMs = 0;
    const asked = work.finally(() => {
      afterMs = clock.now() - from;
    });
    await clock.advance(100);
    expect(afterMs).toBeLessThanOrEqual(100);
    return asked;
  };

  for (const [i, one] of happenings.entries()) {
    if (one.kind === 'wait') await clock.advance(one.ms);
    if (one.kind === 'mode' && hasOutages) {
      if (one.mode === 'there') await away.comeBack();
      else away.mode = one.mode;
    }
    if (one.kind === 'slow' && hasOutages) away.delayMs = one.delayMs;
    const subject = 'call' in one ? calls[one.call] : undefined;
    if (!subject) continue;
    if (one.kind === 'take') {
      const taken = await ask(kept.take(subject.callId, signal));
      expect(taken).toMatchObject({ epoch: subject.epoch + 1 });
      subject.epoch += 1;
      subject.seq = 0;
      answers.push(taken);
    }
    if (one.kind === 'commit' && subject.epoch > 0) {
      const epoch = one.isLate ? subject.epoch - 1 : subject.epoch;
      const facts = one.isLate ? [] : [sampleEvent(subject.callId, subject.seq++, undefined, epoch)];
      const appended = [{ index: one.at, role: 'user', content: `said at ${i}` } as const];
      const outcome = await ask(kept.commit(subject.callId, epoch, { head: sampleHead(i), appended, facts }, signal));
      answers.push(outcome === 'kept' ? 'committed' : outcome);
    }
    if (one.kind === 'fact') await ask(kept.enqueue([sampleEvent(subject.callId, i, undefined, 0)], signal));
  }

  away.delayMs = 0;
  await away.comeBack();
  await clock.advance(2_000);
  expect(fenced).toEqual([]);
  const facts = (await away.port.pendingFacts(1_000, signal)).map(({ event }) => event);
  const ofCall = ({ callId }: { readonly callId: CallId }) => facts.filter((fact) => fact.callId === callId);
  return {
    answers,
    stored: await Promise.all(calls.map(({ callId }) => away.port.load(callId, signal))),
    facts: calls.map((one) => ofCall(one).filter(({ epoch }) => epoch > 0)),
    loose: facts.filter(({ epoch }) => epoch === 0),
  };
}

const IDS = Array.from({ length: 3 }, newCallId);

/** As whoever reads the outbox takes them: what comes again under the same place is nothing new. */
function once(facts: readonly CallEvent[]): readonly CallEvent[] {
  const known = new Map(facts.map((fact) => [`${fact.callId} ${fact.epoch} ${fact.seq}`, fact] as const).reverse());
  return [...known.values()].reverse().sort((a, b) => facts.indexOf(a) - facts.indexOf(b));
}

it('is after any outages what it would be without them, each fact once and in its order', async () => {
  await fc.assert(
    fc.asyncProperty(happeningsOf(['gone', 'silent'], 20), async (happenings) => {
      expect(await play(happenings, true)).toEqual(await play(happenings, false));
    }),
    { numRuns: 150 },
  );
}, 30_000);

it('is so too when answers were lost, but for facts that come twice under one place', async () => {
  await fc.assert(
    fc.asyncProperty(happeningsOf(['gone', 'silent', 'deaf', 'stopped'], 150), async (happenings) => {
      const { facts, loose, ...rest } = await play(happenings, true);
      const calm = await play(happenings, false);
      expect({ ...rest, facts: facts.map(once), loose: once(loose) }).toEqual(calm);
    }),
    { numRuns: 150 },
  );
}, 30_000);

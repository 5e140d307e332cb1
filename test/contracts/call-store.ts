import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallId } from '../../src/call/call.ts';
import type { CallStore, Commit } from '../../src/ports/call-store.ts';
import { isLinearizable, type Observed } from './linearizability.ts';
import { newCallId, sampleEvent, sampleHead } from './samples.ts';
import { IN_MEMORY, type MakeSubject, type Subject, signal } from './subject.ts';

/** What every call store must do. */
export function callStoreContract(name: string, make: MakeSubject<CallStore>, { isDurable } = IN_MEMORY): void {
  describe(`the call store contract over ${name}`, () => {
    let subject: Subject<CallStore>;
    let store: CallStore;
    let callId: CallId;

    beforeEach(async () => {
      subject = await make();
      store = subject.port;
      callId = newCallId();
    });
    afterEach(() => subject.close());

    it('takes a new call at epoch 1 with nothing stored', async () => {
      expect(await store.take(callId, signal)).toEqual({ epoch: 1, stored: undefined });
      expect(await store.load(callId, signal)).toBeUndefined();
      expect(await store.list(signal)).toEqual([]);
    });

    it('gives back what was committed, one epoch higher', async () => {
      const { epoch } = await store.take(callId, signal);
      const greeting = { index: 0, role: 'agent', content: 'Good evening.' } as const;
      expect(await store.commit(callId, epoch, commitOf(3, { appended: [greeting] }), signal)).toBe('committed');
      const stored = { head: sampleHead(3), utterances: [greeting] };
      expect(await store.take(callId, signal)).toEqual({ epoch: 2, stored });
      expect(await store.load(callId, signal)).toEqual(stored);
    });

    it('replaces the head and revised utterances and keeps the others in order', async () => {
      await store.take(callId, signal);
      const first = { index: 0, role: 'agent', content: 'Good evening.' } as const;
      const second = { index: 1, role: 'user', content: 'a tab' } as const;
      const revised = { index: 1, role: 'user', content: 'a table' } as const;
      const third = { index: 2, role: 'transfer_target', content: 'Hello?' } as const;
      await store.commit(callId, 1, commitOf(1, { appended: [second, first] }), signal);
      await store.commit(callId, 1, commitOf(2, { appended: [third, revised] }), signal);
      expect(await store.load(callId, signal)).toEqual({ head: sampleHead(2), utterances: [first, revised, third] });
    });

    it('refuses an older epoch as fenced and writes nothing of it', async () => {
      await store.take(callId, signal);
      await store.take(callId, signal);
      const late = commitOf(9, { facts: [sampleEvent(callId, 1)] });
      expect(await store.commit(callId, 1, late, signal)).toBe('fenced');
      expect(await store.load(callId, signal)).toBeUndefined();
      expect(await store.pendingFacts(10, signal)).toEqual([]);
    });

    it('refuses a call that was never taken', async () => {
      expect(await store.commit(callId, 1, commitOf(1), signal)).toBe('fenced');
    });

    it('lists every stored call with its head and the time of its last commit', async () => {
      const other = newCallId();
      for (const id of [callId, other]) {
        await store.take(id, signal);
        await store.commit(id, 1, commitOf(1), signal);
      }
      const before = subject.clock.now();
      await subject.clock.advance(500);
      await store.commit(other, 1, commitOf(2), signal);
      const listed = (await store.list(signal)).toSorted((a, b) => a.committedAt - b.committedAt);
      expect(listed).toEqual([
        { callId, committedAt: before, head: commitOf(1).head },
        { callId: other, committedAt: before + 500, head: commitOf(2).head },
      ]);
    });

    it('forgets a removed call, fences its holder, and never lets its epoch go back', async () => {
      await store.take(callId, signal);
      await store.commit(callId, 1, commitOf(1, { appended: [{ index: 0, role: 'user', content: 'hi' }] }), signal);
      await store.remove(callId, signal);
      await store.remove(callId, signal);
      expect(await store.load(callId, signal)).toBeUndefined();
      expect(await store.list(signal)).toEqual([]);
      expect(await store.commit(callId, 1, commitOf(2), signal)).toBe('fenced');
      expect(await store.take(callId, signal)).toEqual({ epoch: 2, stored: undefined });
      await store.commit(callId, 2, commitOf(5), signal);
      expect(await store.load(callId, signal)).toEqual({ head: sampleHead(5), utterances: [] });
    });

    it('keeps facts in order until they are forgotten, whatever becomes of their call', async () => {
      const [first, second, third] = [1, 2, 3].map((seq) => sampleEvent(callId, seq));
      if (!first || !second || !third) throw new Error('unreachable');
      await store.take(callId, signal);
      await store.commit(callId, 1, commitOf(1, { facts: [first, second] }), signal);
      await store.remove(callId, signal);
      await store.enqueue([third], signal);
      const pending = await store.pendingFacts(10, signal);
      expect(pending.map(({ event }) => event)).toEqual([first, second, third]);
      expect((await store.pendingFacts(1, signal)).map(({ event }) => event)).toEqual([first]);

      const gone = pending.slice(0, 2).map(({ position }) => position);
      await store.forgetFacts(gone, signal);
      await store.enqueue([sampleEvent(callId, 4)], signal);
      await store.forgetFacts(gone, signal);
      expect((await store.pendingFacts(10, signal)).map(({ event }) => event.seq)).toEqual([3, 4]);
    });

    it('never gives a forgotten position to another fact', async () => {
      await store.enqueue([sampleEvent(callId, 1)], signal);
      const [first] = await store.pendingFacts(1, signal);
      if (!first) throw new Error('expected a pending fact');
      await store.forgetFacts([first.position], signal);
      await store.enqueue([sampleEvent(callId, 2)], signal);
      await store.forgetFacts([first.position], signal);
      expect((await store.pendingFacts(1, signal)).map(({ event }) => event.seq)).toEqual([2]);
    });

    it('refuses an aborted signal with its reason', async () => {
      const reason = new Error('enough');
      await expect(store.take(callId, AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    it('keeps calls apart', async () => {
      const other = newCallId();
      await store.take(callId, signal);
      await store.take(other, signal);
      await store.commit(callId, 1, commitOf(1, { appended: [{ index: 0, role: 'user', content: 'mine' }] }), signal);
      await store.commit(other, 1, commitOf(2, { appended: [{ index: 0, role: 'user', content: 'yours' }] }), signal);
      await store.remove(other, signal);
      expect((await store.load(callId, signal))?.utterances.map(({ content }) => content)).toEqual(['mine']);
    });

    it('is linearizable per call under concurrent takes, commits, removals and loads', async () => {
      const client = fc.array(fc.constantFrom('take', 'commit', 'commit', 'load', 'remove'), { maxLength: 5 });
      const initial: Model = { epoch: 0, isRemoved: true, value: null };
      await fc.assert(
        fc.asyncProperty(
          fc.array(client, { minLength: 2, maxLength: 4 }),
          fc.infiniteStream(fc.nat(3)),
          async (scripts, pauses) => isLinearizable(await observe(store, newCallId(), scripts, pauses), initial, model),
        ),
        { numRuns: 60 },
      );
    });

    if (!isDurable) return;
    it('keeps everything over a reopening', async () => {
      const event = sampleEvent(callId, 1);
      const utterance = { index: 0, role: 'user', content: 'hello' } as const;
      const removed = newCallId();
      await store.take(callId, signal);
      await store.commit(callId, 1, commitOf(4, { appended: [utterance], facts: [event] }), signal);
      await store.take(removed, signal);
      await store.remove(removed, signal);
      store = await subject.reopen();
      expect(await store.take(callId, signal)).toEqual({
        epoch: 2,
        stored: { head: sampleHead(4), utterances: [utterance] },
      });
      expect((await store.pendingFacts(10, signal)).map((fact) => fact.event)).toEqual([event]);
      expect(await store.take(removed, signal)).toEqual({ epoch: 2, stored: undefined });
    });
  });
}

function commitOf(lastAsk: number, rest: Partial<Commit> = {}): Commit {
  return { head: sampleHead(lastAsk), appended: [], facts: [], ...rest };
}

interface Model {
  readonly epoch: number;
  readonly isRemoved: boolean;
  readonly value: number | null;
}
type Operation =
  | { readonly kind: 'take' }
  | { readonly kind: 'commit'; readonly epoch: number; readonly value: number }
  | { readonly kind: 'load' }
  | { readonly kind: 'remove' };

/** A call as one register: what the store must be indistinguishable from. */
function model(state: Model, operation: Operation): { readonly state: Model; readonly result: unknown } {
  switch (operation.kind) {
    case 'take': {
      const next = { ...state, epoch: state.epoch + 1, isRemoved: false };
      return { state: next, result: [next.epoch, next.value] };
    }
    case 'commit':
      if (state.isRemoved || state.epoch !== operation.epoch) return { state, result: 'fenced' };
      return { state: { ...state, value: operation.value }, result: 'committed' };
    case 'load':
      return { state, result: state.value };
    case 'remove':
      return { state: { ...state, isRemoved: true, value: null }, result: null };
    default:
      return operation satisfies never;
  }
}

/** Runs the clients at once and writes down what each saw, and when by a counter of starts and ends. */
async function observe(
  store: CallStore,
  callId: CallId,
  scripts: readonly (readonly string[])[],
  pauses: Iterator<number>,
): Promise<readonly Observed<Operation, unknown>[]> {
  const history: Observed<Operation, unknown>[] = [];
  let tick = 0;
  let value = 0;
  const client = async (script: readonly string[]) => {
    let epoch = 0;
    for (const step of script) {
      for (let pause = Number(pauses.next().value); pause > 0; pause--)
        await new Promise<void>((resolve) => setImmediate(resolve));
      const operation: Operation =
        step === 'commit' ? { kind: 'commit', epoch, value: ++value } : { kind: kindOf(step) };
      const from = ++tick;
      const result = await perform(store, callId, operation);
      history.push({ from, until: ++tick, operation, result });
      if (operation.kind === 'take' && Array.isArray(result)) epoch = Number(result[0]);
    }
  };
  await Promise.all(scripts.map(client));
  return history;
}

function kindOf(step: string): 'take' | 'load' | 'remove' {
  return step === 'take' || step === 'remove' ? step : 'load';
}

async function perform(store: CallStore, callId: CallId, operation: Operation): Promise<unknown> {
  switch (operation.kind) {
    case 'take': {
      const { epoch, stored } = await store.take(callId, signal);
      return [epoch, stored?.head.lastAsk ?? null];
    }
    case 'commit':
      return store.commit(callId, operation.epoch, commitOf(operation.value), signal);
    case 'load':
      return (await store.load(callId, signal))?.head.lastAsk ?? null;
    case 'remove':
      await store.remove(callId, signal);
      return null;
    default:
      return operation satisfies never;
  }
}

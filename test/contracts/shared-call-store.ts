import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallId } from '../../src/call/call.ts';
import type { Commit, SharedCallStore } from '../../src/ports/call-store.ts';
import { newCallId, sampleEvent, sampleHead } from './samples.ts';
import { signal } from './subject.ts';

/** One store, as two processes see it. */
export interface SharedSubject {
  readonly ours: SharedCallStore;
  readonly theirs: SharedCallStore;
  close(): Promise<void>;
}

const whole = (lastAsk: number): Commit => ({
  head: sampleHead(lastAsk),
  appended: [{ index: 0, role: 'user', content: `said ${lastAsk}` }],
  facts: [],
});

/** What every call store that processes share must do beside the call store's contract: whose a call is once it is back. */
export function sharedCallStoreContract(name: string, make: () => Promise<SharedSubject>): void {
  describe(`the shared call store contract over ${name}`, () => {
    let subject: SharedSubject;
    let ours: SharedCallStore;
    let theirs: SharedCallStore;
    let callId: CallId;
    beforeEach(async () => {
      subject = await make();
      ({ ours, theirs } = subject);
      callId = newCallId();
    });
    afterEach(() => subject.close());

    const lastAsk = async () => (await theirs.load(callId, signal))?.head.lastAsk;

    it('writes a call anew that it does not know any more, which only a restore may', async () => {
      expect(await ours.commit(callId, 3, whole(7), signal)).toBe('fenced');
      const facts = [sampleEvent(callId, 1, undefined, 3)];
      expect(await ours.restore(callId, 3, 'store', { ...whole(7), facts }, signal)).toBe('committed');
      expect(await theirs.load(callId, signal)).toEqual({ head: sampleHead(7), utterances: whole(7).appended });
      expect((await theirs.pendingFacts(10, signal)).map(({ event }) => event)).toEqual(facts);
      expect(await ours.commit(callId, 3, whole(8), signal)).toBe('committed');
      expect(await theirs.take(callId, signal)).toMatchObject({ epoch: 4, stored: { head: sampleHead(8) } });
    });

    it.each(['store', 'memory'] as const)('restores what we took last, its epoch counted in %s', async (countedBy) => {
      await ours.take(callId, signal);
      expect(await ours.restore(callId, 2, countedBy, whole(1), signal)).toBe('committed');
      expect(await ours.restore(callId, 2, countedBy, whole(2), signal)).toBe('committed');
      expect(await ours.commit(callId, 2, whole(3), signal)).toBe('committed');
      expect(await ours.commit(callId, 1, whole(4), signal)).toBe('fenced');
      expect(await lastAsk()).toBe(3);
    });

    it('leaves a call to whoever took it under a higher epoch', async () => {
      await ours.take(callId, signal);
      await theirs.take(callId, signal);
      for (const countedBy of ['store', 'memory'] as const)
        expect(await ours.restore(callId, 1, countedBy, whole(1), signal)).toBe('fenced');
      expect(await lastAsk()).toBeUndefined();
    });

    it('leaves a call to whoever took it in the store, however far we counted in memory', async () => {
      await theirs.take(callId, signal);
      for (const epoch of [1, 2, 9])
        expect(await ours.restore(callId, epoch, 'memory', whole(epoch), signal)).toBe('fenced');
      expect(await theirs.commit(callId, 1, whole(5), signal)).toBe('committed');
      expect(await lastAsk()).toBe(5);
    });

    it('believes the first of two who counted the same epoch in memory', async () => {
      expect(await ours.restore(callId, 2, 'memory', whole(1), signal)).toBe('committed');
      expect(await theirs.restore(callId, 2, 'memory', whole(2), signal)).toBe('fenced');
      expect(await theirs.restore(callId, 2, 'store', whole(3), signal)).toBe('fenced');
      expect(await lastAsk()).toBe(1);
    });

    it('does not restore what was removed', async () => {
      await ours.take(callId, signal);
      await theirs.remove(callId, signal);
      for (const epoch of [1, 2]) expect(await ours.restore(callId, epoch, 'store', whole(1), signal)).toBe('fenced');
      expect(await lastAsk()).toBeUndefined();
    });
  });
}

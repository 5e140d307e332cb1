import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallId } from '../../src/call/call.ts';
import type { Claim, ToolLedger } from '../../src/ports/tool-ledger.ts';
import { newCallId } from './samples.ts';
import { IN_MEMORY, type MakeSubject, type Subject, signal } from './subject.ts';

/** What every tool ledger must do. */
export function toolLedgerContract(name: string, make: MakeSubject<ToolLedger>, { isDurable } = IN_MEMORY): void {
  describe(`the tool ledger contract over ${name}`, () => {
    let subject: Subject<ToolLedger>;
    let ledger: ToolLedger;
    let callId: CallId;
    const key = 'book {"people":2}';

    beforeEach(async () => {
      subject = await make();
      ledger = subject.port;
      callId = newCallId();
    });
    afterEach(() => subject.close());

    it('lets exactly one of many claimers act', async () => {
      const claims = await Promise.all(Array.from({ length: 50 }, () => ledger.claim(callId, key, signal)));
      expect(claims.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
      expect(claims.filter(({ kind }) => kind === 'unsettled')).toHaveLength(49);
    });

    it('says how long ago an unsettled key was claimed, at the least', async () => {
      await ledger.claim(callId, key, signal);
      const claim = await ledger.claim(callId, key, signal);
      expect(claim.kind === 'unsettled' && claim.sinceMs).toBeGreaterThanOrEqual(0);
    });

    it('lets exactly one of those who found the same claim unsettled take it over', async () => {
      await ledger.claim(callId, key, signal);
      const claims = await Promise.all(Array.from({ length: 10 }, () => ledger.claim(callId, key, signal)));
      const takeOver = async (claim: Claim) =>
        claim.kind === 'unsettled' && (await ledger.takeOver(callId, key, claim.claimedAt, signal));
      const taken = await Promise.all(claims.map(takeOver));
      expect(taken.filter(Boolean)).toHaveLength(1);
      expect(await takeOver(await ledger.claim(callId, key, signal))).toBe(true);
    });

    it('lets nobody take over what was settled or released meanwhile', async () => {
      const claimedAt = async (of: string) => {
        await ledger.claim(callId, of, signal);
        const claim = await ledger.claim(callId, of, signal);
        return claim.kind === 'unsettled' ? claim.claimedAt : expect.fail('expected an unsettled claim');
      };
      const [settled, released] = [await claimedAt(key), await claimedAt('other')];
      await ledger.settle(callId, key, 'booked', signal);
      await ledger.release(callId, 'other', signal);
      expect(await ledger.takeOver(callId, key, settled, signal)).toBe(false);
      expect(await ledger.takeOver(callId, 'other', released, signal)).toBe(false);
      expect(await ledger.claim(callId, key, signal)).toEqual({ kind: 'done', content: 'booked' });
    });

    it('answers a settled key with what the tool answered', async () => {
      await ledger.claim(callId, key, signal);
      await ledger.settle(callId, key, 'booked for eight', signal);
      expect(await ledger.claim(callId, key, signal)).toEqual({ kind: 'done', content: 'booked for eight' });
    });

    it('keeps an empty answer apart from none', async () => {
      await ledger.claim(callId, key, signal);
      await ledger.settle(callId, key, '', signal);
      expect(await ledger.claim(callId, key, signal)).toEqual({ kind: 'done', content: '' });
    });

    it('lets a released key be claimed anew, by one', async () => {
      await ledger.claim(callId, key, signal);
      await ledger.release(callId, key, signal);
      const claims = await Promise.all(Array.from({ length: 5 }, () => ledger.claim(callId, key, signal)));
      expect(claims.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
    });

    it('never releases what was settled', async () => {
      await ledger.claim(callId, key, signal);
      await ledger.settle(callId, key, 'booked', signal);
      await ledger.release(callId, key, signal);
      expect(await ledger.claim(callId, key, signal)).toEqual({ kind: 'done', content: 'booked' });
    });

    it('writes an effect down even when who asked has given up', async () => {
      await ledger.claim(callId, key, signal);
      await ledger.settle(callId, key, 'booked', AbortSignal.abort());
      expect(await ledger.claim(callId, key, signal)).toEqual({ kind: 'done', content: 'booked' });
    });

    it('keeps keys and calls apart, and forgets only the call it is told to', async () => {
      const other = newCallId();
      await ledger.claim(callId, key, signal);
      expect(await ledger.claim(callId, 'book {"people":3}', signal)).toEqual({ kind: 'claimed' });
      expect(await ledger.claim(other, key, signal)).toEqual({ kind: 'claimed' });
      await ledger.forget(callId, signal);
      await ledger.forget(callId, signal);
      expect(await ledger.claim(callId, key, signal)).toEqual({ kind: 'claimed' });
      expect(await ledger.claim(other, key, signal)).toMatchObject({ kind: 'unsettled' });
    });

    it('refuses an aborted signal with its reason', async () => {
      const reason = new Error('enough');
      await expect(ledger.claim(callId, key, AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    if (!isDurable) return;
    it('shows after a reopening what was claimed and never settled, and what was done', async () => {
      await ledger.claim(callId, key, signal);
      await ledger.claim(callId, 'done', signal);
      await ledger.settle(callId, 'done', 'booked', signal);
      ledger = await subject.reopen();
      expect(await ledger.claim(callId, key, signal)).toMatchObject({ kind: 'unsettled' });
      expect(await ledger.claim(callId, 'done', signal)).toEqual({ kind: 'done', content: 'booked' });
    });
  });
}

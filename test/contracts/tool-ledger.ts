import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallId } from '../../src/call/call.ts';
import type { ToolLedger } from '../../src/ports/tool-ledger.ts';
import { newCallId } from './samples.ts';
import { IN_MEMORY, type MakeSubject, type Subject, signal } from './subject.ts';

/** What every tool ledger must do. */
export function toolLedgerContract(name: string, make: MakeSubject<ToolLedger>, { isDurable } = IN_MEMORY): void {
  describe(`the tool ledger contract over ${name}`, () => {
    let subject: Subject<ToolLedger>;
    let ledger: ToolLedger;
    let callId: CallId;
    const key = 'book {"people":2}';
    const claimed = async (of = key) => {
      const claim = await ledger.claim(callId, of, signal);
      return claim.kind === 'done' ? expect.fail('expected a claim') : claim.claimId;
    };

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
      const claimIds = [await claimed(), await claimed()];
      expect(new Set(claimIds).size).toBe(1);
      const takeOver = () => ledger.takeOver(callId, key, claimIds[0] ?? 0, signal);
      const taken = (await Promise.all(Array.from({ length: 10 }, takeOver))).filter(
        (claimId) => claimId !== undefined,
      );
      expect(taken).toEqual([await claimed()]);
      expect(taken).not.toContain(claimIds[0]);
    });

    it('lets what was taken over be taken over again', async () => {
      let claimId: number | undefined = await claimed();
      for (let times = 0; times < 5; times++) claimId = await ledger.takeOver(callId, key, claimId ?? 0, signal);
      expect(claimId).toBe(await claimed());
    });

    it('lets nobody take over what was settled or released meanwhile', async () => {
      const [settled, released] = [await claimed(), await claimed('other')];
      await ledger.settle(callId, key, 'booked', signal);
      await ledger.release(callId, 'other', released, signal);
      expect(await ledger.takeOver(callId, key, settled, signal)).toBeUndefined();
      expect(await ledger.takeOver(callId, 'other', released, signal)).toBeUndefined();
      expect(await ledger.claim(callId, key, signal)).toEqual({ kind: 'done', content: 'booked' });
    });

    it('releases no claim but the one it is told', async () => {
      const first = await claimed();
      const second = await ledger.takeOver(callId, key, first, signal);
      await ledger.release(callId, key, first, signal);
      expect(await ledger.claim(callId, key, signal)).toMatchObject({ kind: 'unsettled', claimId: second });
      await ledger.release(callId, key, second ?? 0, signal);
      expect(await ledger.claim(callId, key, signal)).toMatchObject({ kind: 'claimed' });
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
      await ledger.release(callId, key, await claimed(), signal);
      const claims = await Promise.all(Array.from({ length: 5 }, () => ledger.claim(callId, key, signal)));
      expect(claims.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
    });

    it('never releases what was settled', async () => {
      const claimId = await claimed();
      await ledger.settle(callId, key, 'booked', signal);
      await ledger.release(callId, key, claimId, signal);
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
      expect(await ledger.claim(callId, 'book {"people":3}', signal)).toMatchObject({ kind: 'claimed' });
      expect(await ledger.claim(other, key, signal)).toMatchObject({ kind: 'claimed' });
      await ledger.forget(callId, signal);
      await ledger.forget(callId, signal);
      expect(await ledger.claim(callId, key, signal)).toMatchObject({ kind: 'claimed' });
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

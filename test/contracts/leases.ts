import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Leases } from '../../src/ports/leases.ts';
import { type MakeSubject, type Subject, signal } from './subject.ts';

const TTL_MS = 15_000;

/** What every keeper of leases must do. */
export function leasesContract(name: string, make: MakeSubject<Leases>): void {
  describe(`the leases contract over ${name}`, () => {
    let subject: Subject<Leases>;
    let leases: Leases;

    beforeEach(async () => {
      subject = await make();
      leases = subject.port;
    });
    afterEach(() => subject.close());

    const acquire = (holder: string, limit = 10) => leases.acquire(holder, limit, TTL_MS, signal);
    const fill = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => acquire(`call-${i}`)));

    it('refuses the eleventh of ten', async () => {
      expect(await fill(10)).toEqual(Array.from({ length: 10 }, () => 'held'));
      expect(await acquire('late')).toBe('full');
      expect(await leases.count(signal)).toBe(10);
    });

    it('admits exactly as many of fifty at once as there are slots', async () => {
      const answers = await fill(50);
      expect(answers.filter((answer) => answer === 'held')).toHaveLength(10);
    });

    it('keeps a holder in its one slot, also at the limit', async () => {
      await fill(10);
      expect(await acquire('call-3')).toBe('held');
      expect(await acquire('call-3', 0)).toBe('held');
      expect(await leases.count(signal)).toBe(10);
    });

    it('frees a slot when its lease expires, and not a millisecond before', async () => {
      await fill(10);
      await subject.clock.advance(TTL_MS - 1);
      expect(await acquire('late')).toBe('full');
      await subject.clock.advance(1);
      expect(await acquire('late')).toBe('held');
      expect(await leases.count(signal)).toBe(1);
    });

    it('moves the expiry of a lease that is acquired again', async () => {
      await acquire('call-1');
      await subject.clock.advance(TTL_MS - 1);
      await acquire('call-1');
      await subject.clock.advance(TTL_MS - 1);
      expect(await leases.count(signal)).toBe(1);
    });

    it('adopts a live call over the limit', async () => {
      await fill(10);
      await leases.adopt('back', TTL_MS, signal);
      expect(await leases.count(signal)).toBe(11);
      expect(await acquire('late', 11)).toBe('full');
    });

    it('never shortens what another made longer: who adopts, leaves or renames keeps the later end', async () => {
      await leases.adopt('call-1', 4 * TTL_MS, signal);
      await acquire('dial:2');
      await leases.adopt('call-2', 4 * TTL_MS, signal);
      await leases.adopt('call-1', TTL_MS, signal);
      await leases.leave('call-1', TTL_MS, signal);
      expect(await leases.rename('dial:2', 'call-2', TTL_MS, signal)).toBe(true);
      await subject.clock.advance(4 * TTL_MS - 1);
      expect(await leases.count(signal)).toBe(2);
      await subject.clock.advance(1);
      expect(await leases.count(signal)).toBe(0);
    });

    it('keeps the slot of a call that was left, and gives none to one that has none', async () => {
      await acquire('call-1', 1);
      await leases.leave('call-1', 2 * TTL_MS, signal);
      await leases.leave('call-2', TTL_MS, signal);
      expect(await leases.count(signal)).toBe(1);
      await subject.clock.advance(2 * TTL_MS - 1);
      expect(await acquire('late', 1)).toBe('full');
      await subject.clock.advance(1);
      await leases.leave('call-1', TTL_MS, signal);
      expect(await acquire('late', 1)).toBe('held');
    });

    it('frees a released slot at once; releasing twice is nothing', async () => {
      await fill(10);
      await leases.release('call-1', signal);
      await leases.release('call-1', signal);
      expect(await acquire('late')).toBe('held');
      expect(await acquire('later')).toBe('full');
    });

    it('hands a slot from a dial to its call', async () => {
      await acquire('dial:1', 1);
      expect(await leases.rename('dial:1', 'call-1', TTL_MS, signal)).toBe(true);
      expect(await leases.count(signal)).toBe(1);
      expect(await acquire('call-1', 1)).toBe('held');
      expect(await acquire('dial:1', 1)).toBe('full');
    });

    it('hands nothing on from a holder that has none, or none any more', async () => {
      expect(await leases.rename('dial:1', 'call-1', TTL_MS, signal)).toBe(false);
      await acquire('dial:2');
      await subject.clock.advance(TTL_MS);
      expect(await leases.rename('dial:2', 'call-2', TTL_MS, signal)).toBe(false);
      expect(await leases.count(signal)).toBe(0);
    });

    it('keeps one slot when the call came before its dial was renamed', async () => {
      await acquire('dial:1');
      await acquire('call-1');
      expect(await leases.rename('dial:1', 'call-1', TTL_MS, signal)).toBe(true);
      expect(await leases.count(signal)).toBe(1);
    });

    it('never counts more than the limit, whatever is acquired, released and expired at once', async () => {
      const step = fc.oneof(
        fc.record({ kind: fc.constant('acquire' as const), holders: fc.array(fc.nat(12), { maxLength: 12 }) }),
        fc.record({ kind: fc.constant('release' as const), holders: fc.array(fc.nat(12), { maxLength: 3 }) }),
        fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(TTL_MS) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
          const fresh = await make();
          const expiries = new Map<number, number>();
          for (const act of steps) {
            if (act.kind === 'wait') await fresh.clock.advance(act.ms);
            if (act.kind === 'release') {
              await Promise.all(act.holders.map((holder) => fresh.port.release(`${holder}`, signal)));
              for (const holder of act.holders) expiries.delete(holder);
            }
            if (act.kind === 'acquire') {
              const answers = await Promise.all(
                act.holders.map((holder) => fresh.port.acquire(`${holder}`, 5, TTL_MS, signal)),
              );
              for (const [i, holder] of act.holders.entries())
                if (answers[i] === 'held') expiries.set(holder, fresh.clock.now() + TTL_MS);
            }
            const held = [...expiries.values()].filter((at) => at > fresh.clock.now()).length;
            expect(held).toBeLessThanOrEqual(5);
            expect(await fresh.port.count(signal)).toBe(held);
          }
          await fresh.close();
        }),
        { numRuns: 50 },
      );
    });
  });
}

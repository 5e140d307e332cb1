import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallEvent } from '../../src/call/events.ts';
import type { Delivery, EventLog } from '../../src/ports/event-log.ts';
import { Fault } from '../../src/std/fault.ts';
import { newCallId, sampleEvent } from './samples.ts';
import { IN_MEMORY, type MakeSubject, type Subject, signal } from './subject.ts';

const LEASE_MS = 30_000;

/** What every event log must do. */
export function eventLogContract(name: string, make: MakeSubject<EventLog>, { isDurable, isShared } = IN_MEMORY): void {
  describe(`the event log contract over ${name}`, () => {
    let subject: Subject<EventLog>;
    let log: EventLog;

    beforeEach(async () => {
      subject = await make();
      log = subject.port;
    });
    afterEach(() => subject.close());

    const read = (limit = 10, group = 'archive') => log.read({ name: group }, limit, LEASE_MS, signal);
    const seqs = (deliveries: readonly Delivery[]) => deliveries.map(({ event }) => event.seq);
    const only = (deliveries: readonly Delivery[]): Delivery => {
      const [delivery] = deliveries;
      if (!delivery || deliveries.length !== 1) throw new Error(`expected one delivery, got ${deliveries.length}`);
      return delivery;
    };
    const publishOne = (...seq: readonly number[]) => {
      const callId = newCallId();
      return log.publish(
        seq.map((n) => sampleEvent(callId, n)),
        signal,
      );
    };

    it('delivers what was published, once, to each group', async () => {
      const event = sampleEvent(newCallId(), 1);
      await log.publish([event], signal);
      expect(only(await read())).toMatchObject({ event, attempt: 1 });
      expect(await read()).toEqual([]);
      expect(only(await read(10, 'closer'))).toMatchObject({ event, attempt: 1 });
    });

    it('stores a fact published twice once, also after it was acknowledged', async () => {
      const event = sampleEvent(newCallId(), 1);
      await log.publish([event, event], signal);
      await log.ack('archive', only(await read()).id, signal);
      await log.publish([event], signal);
      expect(await read()).toEqual([]);
    });

    it('tells facts apart by call, epoch and seq', async () => {
      const callId = newCallId();
      const facts = [sampleEvent(callId, 1), sampleEvent(callId, 1, undefined, 2), sampleEvent(newCallId(), 1)];
      await log.publish(facts, signal);
      const seen: CallEvent[] = [];
      for (let batch = await read(); batch.length > 0; batch = await read())
        for (const { id, event } of batch) {
          seen.push(event);
          await log.ack('archive', id, signal);
        }
      expect(seen).toHaveLength(3);
      expect(seen).toEqual(expect.arrayContaining(facts));
    });

    it('gives a group that begins late everything from the start', async () => {
      await publishOne(1);
      await log.ack('archive', only(await read()).id, signal);
      expect(seqs(await read(10, 'analytics'))).toEqual([1]);
    });

    it('passes by what a group does not care for, which holds nothing back', async () => {
      const callId = newCallId();
      const wanted: CallEvent = {
        ...sampleEvent(callId, 2),
        type: 'call.reported',
        disconnectionReason: 'user_hangup',
      };
      await log.publish([sampleEvent(callId, 1), wanted, sampleEvent(callId, 3)], signal);
      const group = { name: 'closer', types: ['call.reported'] } as const;
      const delivered = await log.read(group, 10, LEASE_MS, signal);
      expect(delivered.map(({ event }) => event)).toEqual([wanted]);
      await log.ack('closer', only(delivered).id, signal);
      expect(await log.read(group, 10, LEASE_MS, signal)).toEqual([]);
    });

    it('holds a later event of a call back while an earlier one is out, and lets other calls flow', async () => {
      await publishOne(1, 2);
      await publishOne(7);
      const first = await read();
      expect(seqs(first).toSorted()).toEqual([1, 7]);
      expect(await read()).toEqual([]);
      const head = first.find(({ event }) => event.seq === 1);
      await log.ack('archive', head?.id ?? '', signal);
      expect(seqs(await read())).toEqual([2]);
    });

    it('gives no more than it is asked for', async () => {
      for (let i = 0; i < 5; i++) await publishOne(1);
      expect(await read(3)).toHaveLength(3);
      expect(await read(3)).toHaveLength(2);
    });

    it('delivers again when the lease runs out, counting the attempt', async () => {
      await publishOne(1, 2);
      const first = only(await read());
      await subject.clock.advance(LEASE_MS - 1);
      expect(await read()).toEqual([]);
      await subject.clock.advance(1);
      expect(only(await read())).toEqual({ ...first, attempt: 2 });
    });

    it('delivers a retried event again after its delay, before the later ones of its call', async () => {
      await publishOne(1, 2);
      await log.retry('archive', only(await read()).id, 5_000, signal);
      await subject.clock.advance(4_999);
      expect(await read()).toEqual([]);
      await subject.clock.advance(1);
      const again = only(await read());
      expect(again).toMatchObject({ attempt: 2, event: { seq: 1 } });
      await log.retry('archive', again.id, 0, signal);
      expect(only(await read())).toMatchObject({ attempt: 3, event: { seq: 1 } });
    });

    it('lets the later events of a call flow once the earlier one is buried', async () => {
      await publishOne(1, 2);
      const { id } = only(await read());
      const fault = new Fault('bug', 'test.poison', 'expected an event that can be handled, this one cannot');
      await log.bury('archive', id, fault, signal);
      await log.bury('archive', id, fault, signal);
      expect(seqs(await read())).toEqual([2]);
      await subject.clock.advance(LEASE_MS);
      expect(seqs(await read())).toEqual([2]);
      expect(seqs(await read(10, 'closer'))).toEqual([1]);
    });

    it('takes an acknowledgement for one it was given before, or never, without harm', async () => {
      await publishOne(1, 2);
      const { id } = only(await read());
      await log.ack('archive', id, signal);
      await log.ack('archive', id, signal);
      await log.retry('archive', id, 0, signal);
      expect(seqs(await read())).toEqual([2]);
      await expect(log.ack('nobody', '999999', signal)).resolves.toBeUndefined();
    });

    it('delivers everything in the order of its call, whatever fails on the way', async () => {
      const outcomes = fc.infiniteStream(fc.constantFrom('ack', 'ack', 'retry', 'expire'));
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(2), { minLength: 1, maxLength: 12 }), outcomes, async (calls, fates) => {
          const group = newCallId();
          const ids = [newCallId(), newCallId(), newCallId()];
          const facts = calls.flatMap((call, seq) => (ids[call] ? [sampleEvent(ids[call], seq)] : []));
          await log.publish(facts, signal);
          const done: CallEvent[] = [];
          // Other runs published too: this group sees them all, and only its own count.
          for (let idle = 0; idle < 2; ) {
            const batch = await log.read({ name: group }, 50, LEASE_MS, signal);
            idle = batch.length === 0 ? idle + 1 : 0;
            let isWaiting = false;
            for (const { id, event } of batch) {
              const fate = ids.includes(event.callId) ? fates.next().value : 'ack';
              if (fate === 'retry') await log.retry(group, id, 0, signal);
              if (fate === 'expire') isWaiting = true;
              if (fate !== 'ack') continue;
              await log.ack(group, id, signal);
              if (ids.includes(event.callId)) done.push(event);
            }
            if (isWaiting) await subject.clock.advance(LEASE_MS);
          }
          for (const id of ids) {
            const ofCall = (events: readonly CallEvent[]) => events.filter(({ callId }) => callId === id);
            expect(ofCall(done)).toEqual(ofCall(facts));
          }
        }),
        { numRuns: 15 },
      );
    });

    it('refuses an aborted signal with its reason', async () => {
      const reason = new Error('enough');
      await expect(log.read({ name: 'archive' }, 1, LEASE_MS, AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    if (!isDurable) return;
    const when = isShared ? 'when its lease runs out' : 'at once';
    it(`keeps events, attempts and order over a reopening, and delivers ${when} what was out`, async () => {
      const [done, open] = [sampleEvent(newCallId(), 1), newCallId()];
      await log.publish([done, sampleEvent(open, 1), sampleEvent(open, 2)], signal);
      for (const { id, event } of await read()) if (event.callId !== open) await log.ack('archive', id, signal);
      log = await subject.reopen();
      if (isShared) {
        expect(await read()).toEqual([]);
        await subject.clock.advance(LEASE_MS);
      }
      expect(only(await read())).toMatchObject({ attempt: 2, event: { callId: open, seq: 1 } });
      await log.publish([done], signal);
      expect(await read()).toEqual([]);
    });
  });
}

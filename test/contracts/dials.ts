import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PlaceCall } from '../../src/ports/call-control.ts';
import type { Dials } from '../../src/ports/dials.ts';
import type { Jobs } from '../../src/ports/jobs.ts';
import { newCallId } from './samples.ts';
import { IN_MEMORY, type MakeSubject, type Subject, signal } from './subject.ts';

/** What all orders to dial must do; their jobs go to `jobs`. */
export function dialsContract(
  name: string,
  make: MakeSubject<{ readonly dials: Dials; readonly jobs: Jobs }>,
  { isDurable } = IN_MEMORY,
): void {
  describe(`the dials contract over ${name}`, { timeout: 20_000 }, () => {
    let subject: Subject<{ readonly dials: Dials; readonly jobs: Jobs }>;
    let dials: Dials;
    let ids = 0;

    beforeEach(async () => {
      subject = await make();
      dials = subject.port.dials;
    });
    afterEach(() => subject.close());

    const order: PlaceCall = { fromNumber: '+1', toNumber: '+2', variables: { name: 'Ida' }, metadata: { n: 1 } };
    const newId = () => `dial_${String(++ids).padStart(16, '0')}`;
    const open = async (id = newId(), requestId?: string, limit = 100) => {
      const opened = await dials.open({ id, order, requestId }, limit, signal);
      expect(opened.kind).toBe('opened');
      return id;
    };
    const stateOf = async (id: string) => (await dials.find(id, signal))?.state;
    const placed = () => ({ state: 'placed', callId: newCallId() }) as const;

    it('queues an order as it was given', async () => {
      const id = newId();
      const opened = await dials.open({ id, order, requestId: undefined }, 100, signal);
      expect(opened).toMatchObject({ kind: 'opened', dial: { id, order, state: 'queued', attempts: 0 } });
      const found = await dials.find(id, signal);
      expect(opened).toEqual({ kind: 'opened', dial: found });
      expect(found?.openedAt).toBe(found?.changedAt);
      expect(await dials.find('dial_none', signal)).toBeUndefined();
    });

    it('knows a request that was made before, and one made for another order', async () => {
      const id = await open(newId(), 'request-1');
      const again = (changed: PlaceCall) =>
        dials.open({ id: newId(), order: changed, requestId: 'request-1' }, 100, signal);
      expect(await again({ ...order })).toMatchObject({ kind: 'known', dial: { id, state: 'queued' } });
      expect(await again({ ...order, toNumber: '+3' })).toEqual({ kind: 'reused' });
      await dials.take(signal);
      await dials.settle(id, placed(), [], signal);
      expect(await again(order)).toMatchObject({ kind: 'known', dial: { id, state: 'placed', order: undefined } });
      expect(await again({ ...order, toNumber: '+3' })).toEqual({ kind: 'reused' });
      expect(await dials.list(['queued', 'placed'], 10, signal)).toHaveLength(1);
    });

    it('opens one order for a request, however often it is made at once', async () => {
      const opened = await Promise.all(
        Array.from({ length: 20 }, () => dials.open({ id: newId(), order, requestId: 'request-1' }, 100, signal)),
      );
      expect(opened.filter(({ kind }) => kind === 'opened')).toHaveLength(1);
      expect(opened.filter(({ kind }) => kind === 'known')).toHaveLength(19);
    });

    it('lets no more wait than its limit, and a known request is no more', async () => {
      const tries = Array.from({ length: 10 }, (_, n) =>
        dials.open({ id: newId(), order, requestId: `request-${n}` }, 3, signal),
      );
      const opened = await Promise.all(tries);
      expect(opened.filter(({ kind }) => kind === 'opened')).toHaveLength(3);
      expect(opened.filter(({ kind }) => kind === 'full')).toHaveLength(7);
      expect(await dials.waiting(signal)).toBe(3);
      const first = opened.findIndex(({ kind }) => kind === 'opened');
      const again = await dials.open({ id: newId(), order, requestId: `request-${first}` }, 3, signal);
      expect(again.kind).toBe('known');
      await dials.take(signal);
      await open(newId(), undefined, 3);
    });

    it('gives each order to one taker, the oldest first', async () => {
      const opened: string[] = [];
      for (let n = 0; n < 5; n++) opened.push(await open());
      const first = await dials.take(signal);
      expect(first).toMatchObject({ id: opened[0], state: 'dialling', attempts: 1, order });
      const rest = await Promise.all(Array.from({ length: 10 }, () => dials.take(signal)));
      const taken = rest.flatMap((dial) => dial?.id ?? []);
      expect(taken.toSorted()).toEqual(opened.slice(1));
      expect(await dials.waiting(signal)).toBe(0);
    });

    it('gives an order asked for by its id only when nobody waited longer', async () => {
      const [first, second] = [await open(), await open()];
      expect(await dials.takeIfNext(second, signal)).toBeUndefined();
      expect(await dials.takeIfNext(first, signal)).toMatchObject({ id: first, state: 'dialling' });
      expect(await dials.takeIfNext(first, signal)).toBeUndefined();
      const races = await Promise.all(Array.from({ length: 5 }, () => dials.takeIfNext(second, signal)));
      expect(races.filter((dial) => dial?.id === second)).toHaveLength(1);
    });

    it('tells the place of those that wait', async () => {
      const [first, second, third] = [await open(), await open(), await open()];
      const places = () => Promise.all([first, second, third].map((id) => dials.position(id, signal)));
      expect(await places()).toEqual([1, 2, 3]);
      expect(await dials.waiting(signal)).toBe(3);
      await dials.cancel(second, signal);
      expect(await places()).toEqual([1, undefined, 2]);
      await dials.take(signal);
      expect(await places()).toEqual([undefined, undefined, 1]);
      expect(await dials.waiting(signal)).toBe(1);
    });

    it('keeps what became of an order, and forgets whom it would have dialled', async () => {
      const [one, two, three] = [await open(), await open(), await open()];
      for (let n = 0; n < 3; n++) await dials.take(signal);
      const outcome = placed();
      await dials.settle(one, outcome, [], signal);
      await dials.settle(two, { state: 'failed', reason: 'retell.refused' }, [], signal);
      await dials.settle(three, { state: 'unknown', reason: 'retell.timeout' }, [], signal);
      expect(await dials.find(one, signal)).toMatchObject({ ...outcome, order: undefined, attempts: 1 });
      expect(await dials.find(two, signal)).toMatchObject({
        state: 'failed',
        reason: 'retell.refused',
        order: undefined,
      });
      expect(await dials.find(three, signal)).toMatchObject({ state: 'unknown', reason: 'retell.timeout', order });
      const found = placed();
      await dials.settle(three, found, [], signal);
      expect(await dials.find(three, signal)).toMatchObject({ ...found, order: undefined });
    });

    it('settles only what was taken, and does no work for the rest', async () => {
      const [queued, done] = [await open(), await open()];
      await dials.take(signal);
      const settle = (id: string) => dials.settle(id, placed(), [{ kind: 'note', payload: { id } }], signal);
      await settle(done);
      expect(await stateOf(done)).toBe('queued');
      const first = placed();
      await dials.settle(queued, first, [{ kind: 'note', payload: { id: 'first' } }], signal);
      await settle(queued);
      expect(await dials.find(queued, signal)).toMatchObject(first);
      expect(await workDone()).toEqual(['first']);
    });

    it('puts an order that nobody was dialled for back into its old place, for later', async () => {
      const [first, second] = [await open(), await open()];
      await dials.take(signal);
      await dials.postpone(first, 5_000, signal);
      expect(await dials.position(first, signal)).toBe(1);
      expect(await dials.takeIfNext(first, signal)).toBeUndefined();
      expect(await dials.takeIfNext(second, signal)).toBeUndefined();
      expect((await dials.take(signal))?.id).toBe(second);
      expect(await dials.take(signal)).toBeUndefined();
      await subject.pass(5_000);
      expect(await dials.take(signal)).toMatchObject({ id: first, attempts: 2, order });
      await dials.settle(first, { state: 'unknown', reason: 'retell.timeout' }, [], signal);
      await dials.postpone(first, 0, signal);
      expect(await dials.takeIfNext(first, signal)).toMatchObject({ id: first, attempts: 3, state: 'dialling' });
      await dials.settle(first, { state: 'failed', reason: 'retell.refused' }, [], signal);
      await dials.postpone(first, 0, signal);
      expect(await stateOf(first)).toBe('failed');
    });

    it('cancels only what waits', async () => {
      const [waits, taken] = [await open(), await open()];
      expect(await dials.cancel(taken, signal)).toBe(true);
      expect(await dials.find(taken, signal)).toMatchObject({ state: 'cancelled', order: undefined });
      expect((await dials.take(signal))?.id).toBe(waits);
      expect(await dials.cancel(waits, signal)).toBe(false);
      expect(await dials.cancel(taken, signal)).toBe(false);
      expect(await dials.cancel('dial_none', signal)).toBe(false);
      expect(await stateOf(waits)).toBe('dialling');
    });

    it('gives an order either to who cancels it or to who takes it', async () => {
      for (let round = 0; round < 5; round++) {
        const id = await open();
        const [isCancelled, taken] = await Promise.all([dials.cancel(id, signal), dials.take(signal)]);
        expect(isCancelled).toBe(taken === undefined);
        expect(await stateOf(id)).toBe(isCancelled ? 'cancelled' : 'dialling');
      }
    });

    it('lists those in the states asked for, in the order they were opened in', async () => {
      const [one, two, three, four] = [await open(), await open(), await open(), await open()];
      await dials.take(signal);
      await dials.cancel(three, signal);
      const ids = async (...states: Parameters<Dials['list']>[0]) =>
        (await dials.list(states, 10, signal)).map(({ id }) => id);
      expect(await ids('queued')).toEqual([two, four]);
      expect(await ids('dialling', 'cancelled')).toEqual([one, three]);
      expect(await ids('queued', 'dialling', 'cancelled')).toEqual([one, two, three, four]);
      expect(await ids()).toEqual([]);
      expect((await dials.list(['queued'], 1, signal)).map(({ id }) => id)).toEqual([two]);
    });

    it('does not know what became of those that were taken too long ago', async () => {
      const [old, fresh] = [await open(), await open()];
      await dials.take(signal);
      await subject.pass(10_000);
      await dials.take(signal);
      expect(await dials.abandon(5_000, signal)).toEqual([old]);
      expect(await dials.find(old, signal)).toMatchObject({ state: 'unknown', reason: 'calls.abandoned', order });
      expect(await stateOf(fresh)).toBe('dialling');
      expect(await dials.abandon(5_000, signal)).toEqual([]);
    });

    it('refuses an aborted signal with its reason', async () => {
      const reason = new Error('enough');
      await expect(dials.take(AbortSignal.abort(reason))).rejects.toBe(reason);
      await expect(dials.waiting(AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    /** The ids of the `note` jobs that were enqueued before, as they are done. */
    async function workDone(): Promise<readonly unknown[]> {
      const { jobs } = subject.port;
      const stop = new AbortController();
      const done: unknown[] = [];
      await jobs.enqueue([{ kind: 'note', payload: { id: 'last' } }], signal);
      const note = async ({ payload }: { readonly payload: Readonly<Record<string, unknown>> }) => {
        if (payload.id === 'last') stop.abort();
        else done.push(payload.id);
      };
      await jobs.work({ handlers: { note }, concurrency: 1 }, stop.signal);
      return done;
    }

    if (!isDurable) return;
    it('keeps everything over a reopening', async () => {
      const [taken, waits] = [await open(newId(), 'request-1'), await open()];
      await dials.take(signal);
      ({ dials } = await subject.reopen());
      expect(await dials.find(taken, signal)).toMatchObject({ state: 'dialling', order });
      expect(await dials.position(waits, signal)).toBe(1);
      const again = await dials.open({ id: newId(), order, requestId: 'request-1' }, 100, signal);
      expect(again).toMatchObject({ kind: 'known', dial: { id: taken } });
    });
  });
}

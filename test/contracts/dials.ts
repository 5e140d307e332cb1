import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PlaceCall } from '../../src/ports/call-control.ts';
import type { DialInHand, Dials, DialTerms, StoredDial } from '../../src/ports/dials.ts';
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
    const take = async (terms: Partial<DialTerms> = {}): Promise<StoredDial | undefined> => {
      const taking = await dials.take({ spacingMs: 0, room: undefined, ...terms }, signal);
      return taking.kind === 'taken' ? taking.dial : undefined;
    };
    /** Takes the next one, and says that it is about to be dialled. */
    const begin = async (): Promise<DialInHand> => {
      const dial = await take();
      if (!dial) throw new Error('expected an order that waits');
      expect(await dials.begin(dial, signal)).toBe(true);
      return dial;
    };
    const stateOf = async (id: string) => (await dials.find(id, signal))?.state;
    const placed = () => ({ state: 'placed', callId: newCallId() }) as const;

    it('queues an order as it was given', async () => {
      const id = newId();
      const opened = await dials.open({ id, order, requestId: undefined }, 100, signal);
      expect(opened).toMatchObject({ kind: 'opened', dial: { id, order, state: 'queued', takes: 0, attempts: 0 } });
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
      await dials.settle(await begin(), placed(), [], signal);
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
      await take();
      await open(newId(), undefined, 3);
    });

    it('gives each order to one taker, the oldest first', async () => {
      const opened: string[] = [];
      for (let n = 0; n < 5; n++) opened.push(await open());
      const first = await take();
      expect(first).toMatchObject({ id: opened[0], state: 'taken', takes: 1, attempts: 0, order });
      const rest = await Promise.all(Array.from({ length: 10 }, () => take()));
      const taken = rest.flatMap((dial) => dial?.id ?? []);
      expect(taken.toSorted()).toEqual(opened.slice(1));
      expect(await dials.waiting(signal)).toBe(0);
    });

    it('gives an order asked for by its id only when nobody waited longer', async () => {
      const [first, second] = [await open(), await open()];
      expect(await take({ only: second })).toBeUndefined();
      expect(await take({ only: first })).toMatchObject({ id: first, state: 'taken' });
      expect(await take({ only: first })).toBeUndefined();
      const races = await Promise.all(Array.from({ length: 5 }, () => take({ only: second })));
      expect(races.filter((dial) => dial?.id === second)).toHaveLength(1);
    });

    it('lets nobody take an order too soon after the last one, whoever took that', async () => {
      const [first, second] = [await open(), await open()];
      const takings = await Promise.all(
        Array.from({ length: 5 }, () => dials.take({ spacingMs: 5_000, room: undefined }, signal)),
      );
      expect(takings.filter(({ kind }) => kind === 'taken')).toMatchObject([{ dial: { id: first } }]);
      const early = takings.find((taking) => taking.kind === 'early');
      expect(early?.waitMs).toBeGreaterThan(3_000);
      expect(early?.waitMs).toBeLessThanOrEqual(5_000);
      expect(takings.filter(({ kind }) => kind === 'early')).toHaveLength(4);
      await subject.pass(5_000);
      expect(await take({ spacingMs: 5_000 })).toMatchObject({ id: second });
      expect(await dials.take({ spacingMs: 60_000, room: undefined }, signal)).toEqual({ kind: 'nobody' });
    });

    it('lets no more be taken than Retell had room for, whoever takes them', async () => {
      for (let n = 0; n < 4; n++) await open();
      const room = { places: 2, askedAgoMs: 10_000 };
      const takings = await Promise.all(Array.from({ length: 5 }, () => take({ room })));
      const [one, two] = takings.filter((dial) => dial !== undefined);
      expect(takings.filter((dial) => dial !== undefined)).toHaveLength(2);
      if (!one || !two) return;
      await dials.begin(one, signal);
      await dials.settle(one, placed(), [], signal);
      await dials.begin(two, signal);
      await subject.pass(5_000);
      expect(await dials.take({ spacingMs: 0, room }, signal)).toEqual({ kind: 'nobody' });
      await subject.pass(6_000);
      // Retell was asked since one was placed, and counts it; the other one is still being dialled.
      expect(await take({ room: { places: 1, askedAgoMs: 10_000 } })).toBeUndefined();
      expect(await take({ room })).toBeDefined();
      await dials.settle(two, { state: 'failed', reason: 'retell.refused' }, [], signal);
      expect(await take({ room })).toBeDefined();
    });

    it('lets one dial be begun of each order that was taken', async () => {
      const id = await open();
      const dial = await take();
      if (!dial) throw new Error('expected the order');
      const begun = await Promise.all(Array.from({ length: 5 }, () => dials.begin(dial, signal)));
      expect(begun.filter(Boolean)).toHaveLength(1);
      expect(await dials.find(id, signal)).toMatchObject({ state: 'dialling', takes: 1, attempts: 1, order });
      expect(await dials.begin({ id: 'dial_none', takes: 0 }, signal)).toBe(false);
    });

    it('does nothing for hands that an order has left', async () => {
      const id = await open();
      const before = await take();
      if (!before) throw new Error('expected the order');
      await dials.postpone(before, 0, signal);
      expect(await dials.begin(before, signal)).toBe(false);
      const again = await begin();
      expect(again).toMatchObject({ id, takes: 2 });
      expect(await dials.begin(before, signal)).toBe(false);
      await dials.postpone(before, 0, signal);
      await dials.settle(before, { state: 'failed', reason: 'retell.refused' }, [], signal);
      expect(await stateOf(id)).toBe('dialling');
    });

    it('tells after how long somebody is due', async () => {
      expect(await dials.dueIn(signal)).toBeUndefined();
      const id = await open();
      expect(await dials.dueIn(signal)).toBe(0);
      const dial = await begin();
      expect(await dials.dueIn(signal)).toBeUndefined();
      await dials.postpone(dial, 10_000, signal);
      const dueInMs = await dials.dueIn(signal);
      expect(dueInMs).toBeGreaterThan(5_000);
      expect(dueInMs).toBeLessThanOrEqual(10_000);
      await open();
      expect(await dials.dueIn(signal)).toBe(0);
      expect(await dials.position(id, signal)).toBe(1);
    });

    it('tells the place of those that wait', async () => {
      const [first, second, third] = [await open(), await open(), await open()];
      const places = () => Promise.all([first, second, third].map((id) => dials.position(id, signal)));
      expect(await places()).toEqual([1, 2, 3]);
      expect(await dials.waiting(signal)).toBe(3);
      await dials.cancel(second, signal);
      expect(await places()).toEqual([1, undefined, 2]);
      await take();
      expect(await places()).toEqual([undefined, undefined, 1]);
      expect(await dials.waiting(signal)).toBe(1);
    });

    it('keeps what became of an order, and forgets whom it would have dialled', async () => {
      const ids = [await open(), await open(), await open()];
      const [one, two, three] = [await begin(), await begin(), await begin()];
      expect([one, two, three].map(({ id }) => id)).toEqual(ids);
      const outcome = placed();
      await dials.settle(one, outcome, [], signal);
      await dials.settle(two, { state: 'failed', reason: 'retell.refused' }, [], signal);
      await dials.settle(three, { state: 'unknown', reason: 'retell.timeout' }, [], signal);
      expect(await dials.find(one.id, signal)).toMatchObject({ ...outcome, order: undefined, attempts: 1 });
      expect(await dials.find(two.id, signal)).toMatchObject({
        state: 'failed',
        reason: 'retell.refused',
        order: undefined,
      });
      expect(await dials.find(three.id, signal)).toMatchObject({ state: 'unknown', reason: 'retell.timeout', order });
      const found = placed();
      await dials.settle(three, found, [], signal);
      expect(await dials.find(three.id, signal)).toMatchObject({ ...found, order: undefined });
    });

    it('settles only what was begun, and does no work for the rest', async () => {
      await open();
      const waits = await open();
      const dial = await take();
      if (!dial) throw new Error('expected the order');
      const settle = (of: DialInHand) => dials.settle(of, placed(), [{ kind: 'note', payload: { id: of.id } }], signal);
      await settle({ id: waits, takes: 0 });
      expect(await stateOf(waits)).toBe('queued');
      await settle(dial);
      expect(await stateOf(dial.id)).toBe('taken');
      await dials.begin(dial, signal);
      const first = placed();
      await dials.settle(dial, first, [{ kind: 'note', payload: { id: 'first' } }], signal);
      await settle(dial);
      expect(await dials.find(dial.id, signal)).toMatchObject(first);
      expect(await workDone()).toEqual(['first']);
    });

    it('puts an order that nobody was dialled for back into its old place, for later', async () => {
      const [first, second] = [await open(), await open()];
      await dials.postpone(await begin(), 5_000, signal);
      expect(await dials.position(first, signal)).toBe(1);
      expect(await take({ only: first })).toBeUndefined();
      expect(await take({ only: second })).toBeUndefined();
      expect((await take())?.id).toBe(second);
      expect(await take()).toBeUndefined();
      await subject.pass(5_000);
      const again = await begin();
      expect(await dials.find(first, signal)).toMatchObject({ takes: 2, attempts: 2, order });
      await dials.settle(again, { state: 'unknown', reason: 'retell.timeout' }, [], signal);
      await dials.postpone(again, 0, signal);
      const last = await take({ only: first });
      expect(last).toMatchObject({ id: first, takes: 3, attempts: 2, state: 'taken' });
      if (!last) return;
      await dials.begin(last, signal);
      await dials.settle(last, { state: 'failed', reason: 'retell.refused' }, [], signal);
      await dials.postpone(last, 0, signal);
      expect(await stateOf(first)).toBe('failed');
    });

    it('cancels only what waits', async () => {
      const [waits, taken] = [await open(), await open()];
      expect(await dials.cancel(taken, signal)).toBe(true);
      expect(await dials.find(taken, signal)).toMatchObject({ state: 'cancelled', order: undefined });
      expect((await take())?.id).toBe(waits);
      expect(await dials.cancel(waits, signal)).toBe(false);
      expect(await dials.cancel(taken, signal)).toBe(false);
      expect(await dials.cancel('dial_none', signal)).toBe(false);
      expect(await stateOf(waits)).toBe('taken');
    });

    it('gives an order either to who cancels it or to who takes it', async () => {
      for (let round = 0; round < 5; round++) {
        const id = await open();
        const [isCancelled, taken] = await Promise.all([dials.cancel(id, signal), take()]);
        expect(isCancelled).toBe(taken === undefined);
        expect(await stateOf(id)).toBe(isCancelled ? 'cancelled' : 'taken');
      }
    });

    it('lists those in the states asked for, in the order they were opened in', async () => {
      const [one, two, three, four] = [await open(), await open(), await open(), await open()];
      await begin();
      await dials.cancel(three, signal);
      const ids = async (...states: Parameters<Dials['list']>[0]) =>
        (await dials.list(states, 10, signal)).map(({ id }) => id);
      expect(await ids('queued')).toEqual([two, four]);
      expect(await ids('dialling', 'cancelled')).toEqual([one, three]);
      expect(await ids('queued', 'dialling', 'cancelled')).toEqual([one, two, three, four]);
      expect(await ids()).toEqual([]);
      expect((await dials.list(['queued'], 1, signal)).map(({ id }) => id)).toEqual([two]);
    });

    it('does not know what became of those that were begun too long ago', async () => {
      const [old, fresh] = [await open(), await open()];
      await begin();
      await subject.pass(10_000);
      await begin();
      expect(await dials.abandon(5_000, signal)).toEqual([old]);
      expect(await dials.find(old, signal)).toMatchObject({ state: 'unknown', reason: 'calls.abandoned', order });
      expect(await stateOf(fresh)).toBe('dialling');
      expect(await dials.abandon(5_000, signal)).toEqual([]);
    });

    it('lets those wait again that were taken too long ago and never begun', async () => {
      const [old, fresh] = [await open(), await open()];
      const lost = await take();
      await subject.pass(10_000);
      await take();
      expect(await dials.abandon(5_000, signal)).toEqual([]);
      expect(await stateOf(fresh)).toBe('taken');
      expect(await dials.position(old, signal)).toBe(1);
      if (lost) expect(await dials.begin(lost, signal)).toBe(false);
      expect(await take()).toMatchObject({ id: old, takes: 2, attempts: 0, order });
    });

    it('refuses an aborted signal with its reason', async () => {
      const reason = new Error('enough');
      await expect(dials.take({ spacingMs: 0, room: undefined }, AbortSignal.abort(reason))).rejects.toBe(reason);
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
      await begin();
      ({ dials } = await subject.reopen());
      expect(await dials.find(taken, signal)).toMatchObject({ state: 'dialling', takes: 1, attempts: 1, order });
      expect(await dials.position(waits, signal)).toBe(1);
      const again = await dials.open({ id: newId(), order, requestId: 'request-1' }, 100, signal);
      expect(again).toMatchObject({ kind: 'known', dial: { id: taken } });
    });
  });
}

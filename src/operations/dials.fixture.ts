import type { Dials, StoredDial } from '../ports/dials.ts';
import type { NewJob } from '../ports/jobs.ts';
import type { Clock } from '../std/clock.ts';

type Kept = StoredDial & { readonly requestId: string | undefined; readonly print: string; readonly dueAt: number };

export function memoryDials(clock: Clock, addJobs: (jobs: readonly NewJob[]) => void = () => {}): Dials {
  const kept = new Map<string, Kept>();
  const queued = () => [...kept.values()].filter(({ state }) => state === 'queued');
  const hold = (dial: Kept): StoredDial => {
    const { id, order, openedAt, requestId, print, attempts } = dial;
    const held: Kept = {
      id,
      order,
      openedAt,
      requestId,
      print,
      dueAt: 0,
      attempts: attempts + 1,
      state: 'dialling',
      changedAt: clock.now(),
    };
    kept.set(id, held);
    return held;
  };
  return {
    async open({ id, order, requestId }, limit, signal) {
      signal.throwIfAborted();
      const print = JSON.stringify(order);
      const before =
        requestId === undefined ? undefined : [...kept.values()].find((one) => one.requestId === requestId);
      if (before) return before.print === print ? { kind: 'known', dial: before } : { kind: 'reused' };
      if (queued().length >= limit) return { kind: 'full' };
      const now = clock.now();
      const dial: Kept = {
        id,
        order,
        requestId,
        print,
        state: 'queued',
        attempts: 0,
        openedAt: now,
        changedAt: now,
        dueAt: now,
      };
      kept.set(id, dial);
      return { kind: 'opened', dial };
    },
    async take(signal) {
      signal.throwIfAborted();
      const next = queued().find(({ dueAt }) => dueAt <= clock.now());
      return next && hold(next);
    },
    async takeIfNext(id, signal) {
      signal.throwIfAborted();
      const [next] = queued();
      return next?.id === id && next.dueAt <= clock.now() ? hold(next) : undefined;
    },
    async settle(id, outcome, jobs, signal) {
      signal.throwIfAborted();
      const dial = kept.get(id);
      if (!dial || (dial.state !== 'dialling' && dial.state !== 'unknown')) return;
      const { openedAt, requestId, print, attempts, dueAt } = dial;
      const order = outcome.state === 'unknown' ? dial.order : undefined;
      kept.set(id, { id, order, openedAt, requestId, print, attempts, dueAt, changedAt: clock.now(), ...outcome });
      addJobs(jobs);
    },
    async postpone(id, delayMs, signal) {
      signal.throwIfAborted();
      const dial = kept.get(id);
      if (!dial) return;
      const { openedAt, requestId, print, attempts, order } = dial;
      const now = clock.now();
      kept.set(id, {
        id,
        order,
        openedAt,
        requestId,
        print,
        attempts,
        dueAt: now + delayMs,
        changedAt: now,
        state: 'queued',
      });
    },
    async cancel(id, signal) {
      signal.throwIfAborted();
      const dial = kept.get(id);
      if (dial?.state !== 'queued') return false;
      kept.set(id, { ...dial, state: 'cancelled', order: undefined });
      return true;
    },
    find: async (id) => kept.get(id),
    list: async (states, limit) => [...kept.values()].filter(({ state }) => states.includes(state)).slice(0, limit),
    waiting: async () => queued().length,
    async position(id) {
      const index = queued().findIndex((one) => one.id === id);
      return index < 0 ? undefined : index + 1;
    },
    async abandon(olderThanMs) {
      const left = [...kept.values()].filter(
        ({ state, changedAt }) => state === 'dialling' && changedAt <= clock.now() - olderThanMs,
      );
      for (const dial of left) {
        const { id, order, openedAt, requestId, print, attempts, dueAt } = dial;
        kept.set(id, {
          id,
          order,
          openedAt,
          requestId,
          print,
          attempts,
          dueAt,
          changedAt: clock.now(),
          state: 'unknown',
          reason: 'calls.abandoned',
        });
      }
      return left.map(({ id }) => id);
    },
  };
}

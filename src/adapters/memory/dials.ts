import type { DialState, Dials, NewDial, StoredDial } from '../../ports/dials.ts';
import type { NewJob } from '../../ports/jobs.ts';
import type { Clock } from '../../std/clock.ts';
import { fingerprint } from '../../std/fingerprint.ts';

interface Kept extends NewDial {
  readonly print: string;
  readonly stands: DialState;
  readonly attempts: number;
  readonly openedAt: number;
  readonly changedAt: number;
  readonly dueAt: number;
}

/** Orders to dial in memory, for tests of other rooms; `addJobs` takes the jobs of what is settled. */
export function memoryDials(clock: Clock, addJobs: (jobs: readonly NewJob[]) => void = () => {}): Dials {
  // A Map keeps the order of insertion, however often an entry is replaced: the order they were opened in.
  const dials = new Map<string, Kept>();
  const queued = () => [...dials.values()].filter(isIn('queued'));
  const change = (dial: Kept, stands: DialState, more: Partial<Kept> = {}): StoredDial => {
    const changed = { ...dial, stands, changedAt: clock.now(), ...more };
    dials.set(dial.id, changed);
    return storedOf(changed);
  };
  const hold = (dial: Kept) => change(dial, { state: 'dialling' }, { attempts: dial.attempts + 1 });
  const isDue = ({ dueAt }: Kept) => dueAt <= clock.now();
  const dialled = (id: string) => [dials.get(id)].find((dial) => dial && isIn('dialling', 'unknown')(dial));

  return {
    async open({ id, order, requestId }, limit, signal) {
      signal.throwIfAborted();
      const before = [...dials.values()].find((dial) => requestId !== undefined && dial.requestId === requestId);
      if (before) {
        const isSame = before.print === fingerprint(before.id, order);
        return isSame ? { kind: 'known', dial: storedOf(before) } : { kind: 'reused' };
      }
      if (queued().length >= limit) return { kind: 'full' };
      const now = clock.now();
      const dial: Kept = {
        id,
        order: structuredClone(order),
        requestId,
        print: fingerprint(id, order),
        stands: { state: 'queued' },
        attempts: 0,
        openedAt: now,
        changedAt: now,
        dueAt: now,
      };
      dials.set(id, dial);
      return { kind: 'opened', dial: storedOf(dial) };
    },
    async take(signal) {
      signal.throwIfAborted();
      const next = queued().find(isDue);
      return next && hold(next);
    },
    async takeIfNext(id, signal) {
      signal.throwIfAborted();
      const next = queued()[0];
      return next?.id === id && isDue(next) ? hold(next) : undefined;
    },
    async settle(id, outcome, jobs, signal) {
      signal.throwIfAborted();
      const dial = dialled(id);
      if (!dial) return;
      change(dial, outcome);
      addJobs(jobs);
    },
    async postpone(id, delayMs, signal) {
      signal.throwIfAborted();
      const dial = dialled(id);
      if (dial) change(dial, { state: 'queued' }, { dueAt: clock.now() + delayMs });
    },
    async cancel(id, signal) {
      signal.throwIfAborted();
      const dial = queued().find((one) => one.id === id);
      if (dial) change(dial, { state: 'cancelled' });
      return dial !== undefined;
    },
    async find(id, signal) {
      signal.throwIfAborted();
      const dial = dials.get(id);
      return dial && storedOf(dial);
    },
    async list(states, limit, signal) {
      signal.throwIfAborted();
      return [...dials.values()]
        .filter(isIn(...states))
        .slice(0, limit)
        .map(storedOf);
    },
    async waiting(signal) {
      signal.throwIfAborted();
      return queued().length;
    },
    async position(id, signal) {
      signal.throwIfAborted();
      return queued().findIndex((dial) => dial.id === id) + 1 || undefined;
    },
    async abandon(olderThanMs, signal) {
      signal.throwIfAborted();
      const since = clock.now() - olderThanMs;
      const left = [...dials.values()].filter(isIn('dialling')).filter(({ changedAt }) => changedAt <= since);
      for (const dial of left) change(dial, { state: 'unknown', reason: 'calls.abandoned' });
      return left.map(({ id }) => id);
    },
  };
}

function isIn(...states: readonly DialState['state'][]) {
  return ({ stands }: Kept) => states.includes(stands.state);
}

function storedOf({ id, order, stands, attempts, openedAt, changedAt }: Kept): StoredDial {
  const isForgotten = stands.state === 'placed' || stands.state === 'failed' || stands.state === 'cancelled';
  return { ...stands, id, order: isForgotten ? undefined : order, attempts, openedAt, changedAt };
}

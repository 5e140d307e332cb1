import type { DialInHand, DialState, Dials, NewDial, StoredDial } from '../../ports/dials.ts';
import type { NewJob } from '../../ports/jobs.ts';
import type { Clock } from '../../std/clock.ts';
import { fingerprint } from '../../std/fingerprint.ts';

interface Kept extends NewDial {
  readonly print: string;
  readonly stands: DialState;
  readonly takes: number;
  readonly takenAt: number;
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
  const isDue = ({ dueAt }: Kept) => dueAt <= clock.now();
  const isFull = (places: number, askedAgoMs: number) => {
    const since = clock.now() - askedAgoMs;
    const takesPlace = (dial: Kept) =>
      isIn('taken', 'dialling')(dial) || (isIn('placed', 'unknown')(dial) && dial.changedAt > since);
    return [...dials.values()].filter(takesPlace).length >= places;
  };
  const inHand = ({ id, takes }: DialInHand, ...states: readonly DialState['state'][]) => {
    const dial = dials.get(id);
    return dial?.takes === takes && isIn(...states)(dial) ? dial : undefined;
  };

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
        takes: 0,
        takenAt: Number.NEGATIVE_INFINITY,
        attempts: 0,
        openedAt: now,
        changedAt: now,
        dueAt: now,
      };
      dials.set(id, dial);
      return { kind: 'opened', dial: storedOf(dial) };
    },
    async take({ spacingMs, room, only }, signal) {
      signal.throwIfAborted();
      const next = only === undefined ? queued().find(isDue) : queued()[0];
      if (!next || !isDue(next) || (only !== undefined && next.id !== only)) return { kind: 'nobody' };
      if (room && isFull(room.places, room.askedAgoMs)) return { kind: 'nobody' };
      const now = clock.now();
      const waitMs = Math.max(...[...dials.values()].map(({ takenAt }) => takenAt)) + spacingMs - now;
      if (waitMs > 0) return { kind: 'early', waitMs };
      return { kind: 'taken', dial: change(next, { state: 'taken' }, { takes: next.takes + 1, takenAt: now }) };
    },
    async begin(taken, signal) {
      signal.throwIfAborted();
      const dial = inHand(taken, 'taken');
      if (dial) change(dial, { state: 'dialling' }, { attempts: dial.attempts + 1 });
      return dial !== undefined;
    },
    async settle(dialled, outcome, jobs, signal) {
      signal.throwIfAborted();
      const dial = inHand(dialled, 'dialling', 'unknown');
      if (!dial) return;
      change(dial, outcome);
      addJobs(jobs);
    },
    async postpone(taken, delayMs, signal) {
      signal.throwIfAborted();
      const dial = inHand(taken, 'taken', 'dialling', 'unknown');
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
    async dueIn(signal) {
      signal.throwIfAborted();
      const dueAt = queued().map((dial) => dial.dueAt);
      return dueAt.length > 0 ? Math.max(0, Math.min(...dueAt) - clock.now()) : undefined;
    },
    async position(id, signal) {
      signal.throwIfAborted();
      return queued().findIndex((dial) => dial.id === id) + 1 || undefined;
    },
    async abandon(olderThanMs, signal) {
      signal.throwIfAborted();
      const since = clock.now() - olderThanMs;
      const old = [...dials.values()].filter(({ changedAt }) => changedAt <= since);
      for (const dial of old.filter(isIn('taken'))) change(dial, { state: 'queued' });
      const left = old.filter(isIn('dialling'));
      for (const dial of left) change(dial, { state: 'unknown', reason: 'calls.abandoned' });
      return left.map(({ id }) => id);
    },
  };
}

function isIn(...states: readonly DialState['state'][]) {
  return ({ stands }: Kept) => states.includes(stands.state);
}

function storedOf({ id, order, stands, takes, attempts, openedAt, changedAt }: Kept): StoredDial {
  const isForgotten = stands.state === 'placed' || stands.state === 'failed' || stands.state === 'cancelled';
  return { ...stands, id, order: isForgotten ? undefined : order, takes, attempts, openedAt, changedAt };
}

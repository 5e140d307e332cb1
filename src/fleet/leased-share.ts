import type { Leases, SharedLeases } from '../ports/leases.ts';
import { type Dependency, isAway } from '../resilience/dependency.ts';
import type { Clock } from '../std/clock.ts';
import { toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { untilAborted } from '../std/signals.ts';

export interface LeasedShare extends Leases {
  /** Another process serves the holder now: whatever is done about its slot is done there. */
  forget(holder: string): void;
  /** Tells what is left to tell, if it can, and stops; what could not be told expires at the keeper. */
  close(): Promise<void>;
}

/** A slot of somebody here. */
interface Slot {
  /** The keeper has certainly leased one for it until then; 0: perhaps none. */
  readonly leasedUntil: number;
  /** Until when it was asked for. */
  readonly wantedUntil: number;
  /** The keeper certainly has it under its holder's name. */
  readonly isTold: boolean;
  /** Seated: renewed here. Asked: perhaps used elsewhere. Left: kept for whoever takes it up next. */
  readonly use: 'asked' | 'seated' | 'left';
  /** This process itself was given it, and nobody else has had to do with it since: nobody else makes use of it. */
  readonly isOurs: boolean;
}

interface Question<Answer, Result> {
  /** Names to which it may give a slot, whether or not its answer comes. */
  readonly names: readonly string[];
  /** Not asked before the keeper knows what changed here; within one deadline for all of it. */
  readonly isInTurn: boolean;
  readonly question: (signal: AbortSignal) => Promise<Answer>;
  readonly ifAnswered: (answer: Answer) => Result;
  /** What holds instead while the keeper is away. */
  readonly ifAway: () => Result;
  readonly signal: AbortSignal;
}

const BEAT_EVERY_MS = 1_000;

/**
 * Leases that go on while their keeper is away: calls in progress keep their slots, and a new call is let into a slot
 * that this process had leased before and that became free since, for as long as that lease runs. So the fleet never
 * has more calls than slots, and whoever finds none hears the busy line. What was changed meanwhile is told within
 * seconds of the keeper's return, before anything else is asked of it.
 */
export function shareLeases(leases: SharedLeases, dependency: Dependency, clock: Clock, log: Log): LeasedShare {
  const lifetime = new AbortController();
  const own = new Map<string, Slot>();
  /** Ends of leases that are certainly ours and that nobody here needs any more. */
  let spare: number[] = [];
  /** Names under which the keeper may have a slot of ours. */
  const names = new Set<string>();
  /** Those of them about which a question is out: its answer says what they are. */
  const asking: string[] = [];
  /** Something changed here that the keeper was not told, or may have forgotten. */
  let isBehind = false;
  /** The keeper has slots for names that nobody here needs. */
  let isOwing = false;
  let claiming: Promise<void> | undefined;
  let beating: Promise<void> | undefined;
  let lastCount = 0;
  const stop = clock.every(BEAT_EVERY_MS, () => void beat());

  return {
    async acquire(holder, limit, ttlMs, signal) {
      const until = clock.now() + ttlMs;
      return ask({
        names: [holder],
        isInTurn: true,
        question: (within) => leases.acquire(holder, limit, ttlMs, within),
        ifAnswered(answer) {
          if (answer === 'held') lease(holder, { until, use: useOf(holder), isOurs: true });
          else forget(holder);
          return answer;
        },
        ifAway: () => acquireHere(holder, limit, until),
        signal,
      });
    },

    async adopt(holder, ttlMs, signal) {
      const wantedUntil = clock.now() + ttlMs;
      const known = own.get(holder) ?? { leasedUntil: 0, isTold: false, isOurs: false };
      own.set(holder, { ...known, wantedUntil, use: 'seated' });
      return ask({
        names: [holder],
        isInTurn: false,
        question: (within) => leases.adopt(holder, ttlMs, within),
        ifAnswered() {
          const slot = own.get(holder);
          if (slot) lease(holder, { until: wantedUntil, use: 'seated', isOurs: slot.isOurs });
        },
        ifAway() {
          const slot = own.get(holder);
          // Back after it had let go of its slot: it goes before new ones.
          const leasedUntil = slot?.leasedUntil === 0 ? takeSpare() : undefined;
          if (slot && leasedUntil !== undefined) own.set(holder, { ...slot, leasedUntil, isOurs: true });
        },
        signal,
      });
    },

    async leave(holder, ttlMs, signal) {
      const wantedUntil = clock.now() + ttlMs;
      const slot = own.get(holder);
      // Whoever takes it up next need not be here: from now on its slot is freed at the keeper only.
      if (slot) own.set(holder, { ...slot, wantedUntil, use: 'left', isOurs: false });
      return ask({
        names: [],
        isInTurn: true,
        question: (within) => leases.leave(holder, ttlMs, within),
        ifAnswered: () => forgetLeft(holder),
        ifAway() {},
        signal,
      });
    },

    async rename(from, to, ttlMs, signal) {
      const until = clock.now() + ttlMs;
      return ask({
        names: [from, to],
        isInTurn: true,
        question: (within) => leases.rename(from, to, ttlMs, within),
        ifAnswered(isRenamed) {
          forget(from);
          const isOurs = own.get(to)?.isOurs ?? false;
          if (isRenamed) lease(to, { until, use: useOf(to), isOurs });
          return isRenamed;
        },
        ifAway() {
          const slot = own.get(from);
          if (!slot) return false;
          own.delete(from);
          own.set(to, { ...slot, wantedUntil: until, isTold: false, use: useOf(to), isOurs: false });
          return true;
        },
        signal,
      });
    },

    async release(holder, signal) {
      const slot = own.get(holder);
      own.delete(holder);
      if (isUnclaimed()) {
        // Not even tried: a release of which nobody knows whether it was heard frees a slot for nobody.
        owe(holder, slot);
        return free(slot);
      }
      let isAsked = false;
      try {
        await dependency.run((within) => {
          isAsked = true;
          return leases.release(holder, within);
        }, signal);
        released(holder);
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
        owe(holder, slot);
        if (!isAsked) free(slot);
      }
    },

    async count(signal) {
      return ask({
        names: [],
        isInTurn: false,
        question: (within) => leases.count(within),
        ifAnswered(count) {
          lastCount = count;
          return count;
        },
        ifAway() {
          forgetUnwanted();
          return Math.max(lastCount, [...own.values()].filter(({ use, isTold }) => use !== 'left' || !isTold).length);
        },
        signal,
      });
    },

    forget,

    async close() {
      stop();
      await beating;
      if (isBehind || isOwing) await beat();
      lifetime.abort();
    },
  };

  async function ask<Answer, Result>(asked: Question<Answer, Result>): Promise<Result> {
    let isAsked = false;
    try {
      const answer = await dependency.run(async (within) => {
        while (asked.isInTurn && (isUnclaimed() || isOwing)) {
          await claimFirst(within);
          await giveBack(within);
        }
        isAsked = true;
        for (const name of asked.names) names.add(name);
        asking.push(...asked.names);
        return asked.question(within);
      }, asked.signal);
      return asked.ifAnswered(answer);
    } catch (thrown) {
      if (!isAway(thrown)) throw thrown;
      isBehind = true;
      return asked.ifAway();
    } finally {
      if (isAsked) for (const name of asked.names) asking.splice(asking.indexOf(name), 1);
    }
  }

  function isUnclaimed(): boolean {
    return isBehind || claiming !== undefined;
  }

  function lease(holder: string, { until, ...slot }: Pick<Slot, 'use' | 'isOurs'> & { readonly until: number }): void {
    own.set(holder, { ...slot, leasedUntil: until, wantedUntil: until, isTold: true });
    names.add(holder);
  }

  function useOf(holder: string): 'seated' | 'asked' {
    return own.get(holder)?.use === 'seated' ? 'seated' : 'asked';
  }

  /**
   * The keeper is told of a release later, but only of a slot of somebody here: another process may be using one that
   * became free there under its old name. One of which nobody tells runs out.
   */
  function owe(holder: string, slot: Slot | undefined): void {
    isBehind = true;
    if (slot) names.add(holder);
  }

  function forget(holder: string): void {
    own.delete(holder);
    names.delete(holder);
  }

  function acquireHere(holder: string, limit: number, wantedUntil: number): 'held' | 'full' {
    forgetUnwanted();
    const slot = own.get(holder);
    if (slot) {
      own.set(holder, { ...slot, wantedUntil, use: useOf(holder) });
      return 'held';
    }
    const leasedUntil = own.size < limit ? takeSpare() : undefined;
    if (leasedUntil === undefined) return 'full';
    own.set(holder, { leasedUntil, wantedUntil, isTold: false, use: 'asked', isOurs: true });
    return 'held';
  }

  function free(slot: Slot | undefined): void {
    if (slot?.isOurs) spare.push(slot.leasedUntil);
  }

  function takeSpare(): number | undefined {
    const now = clock.now();
    spare = spare.filter((until) => until > now);
    return spare.pop();
  }

  /** Whoever let the time run out for which it had asked. */
  function forgetUnwanted(): void {
    const now = clock.now();
    for (const [holder, { wantedUntil, isTold, isOurs }] of own) {
      if (wantedUntil > now) continue;
      own.delete(holder);
      // Its lease ran out with it, unless the keeper was away; somebody else may go on with what is not ours.
      if (!isBehind || (isTold && !isOurs)) names.delete(holder);
    }
  }

  /** Says that this process is there, and what it could not say before. One at a time; never rejects. */
  function beat(): Promise<void> {
    beating ??= beatOnce()
      .catch((thrown: unknown) => {
        isBehind = true;
        log.debug({ reason: toFault(thrown).reason }, 'the keeper of the leases is away; slots go on here');
      })
      .finally(() => {
        beating = undefined;
      });
    return beating;
  }

  async function beatOnce(): Promise<void> {
    const { signal } = lifetime;
    await dependency.run((within) => (isUnclaimed() ? claimFirst(within) : leases.beat(within)), signal);
    if (isOwing) await dependency.run(giveBack, signal);
    forgetUnwanted();
  }

  /** One at a time; whoever comes while one is under way waits for it, and goes on from there if it failed. */
  async function claimFirst(signal: AbortSignal): Promise<void> {
    while (claiming !== undefined) await untilAborted(claiming, signal).catch(() => signal.throwIfAborted());
    if (!isBehind) return;
    claiming = untilAborted(claimAll(signal), signal)
      .catch((thrown: unknown) => {
        isBehind = true;
        throw thrown;
      })
      .finally(() => {
        claiming = undefined;
      });
    await claiming;
  }

  /**
   * Claims every slot in use here. A claim does no harm if it is heard and its answer is not: a keeper that is only
   * slow to answer lets no slot of ours expire.
   */
  async function claimAll(signal: AbortSignal): Promise<void> {
    forgetUnwanted();
    isBehind = false;
    const vacant = vacantNames();
    const unclaimed = [...own].filter(([, { isTold, use }]) => !isTold || use !== 'asked');
    const claims = unclaimed.map(([holder, slot]) =>
      claim(holder, slot, slot.isTold ? undefined : vacant.pop(), signal),
    );
    await Promise.all([leases.beat(signal), ...claims]);
    signal.throwIfAborted();
    isOwing = true;
  }

  async function claim(holder: string, slot: Slot, from: string | undefined, signal: AbortSignal): Promise<void> {
    const { wantedUntil: until, use, isTold } = slot;
    const ttlMs = until - clock.now();
    if (use === 'left' && isTold) {
      await leases.leave(holder, ttlMs, signal);
      signal.throwIfAborted();
      return forgetLeft(holder);
    }
    names.add(holder);
    // One right after the other: an answer that is long in coming must not hold up the second.
    const moved = from === undefined ? undefined : leases.rename(from, holder, ttlMs, signal);
    await Promise.all([moved, leases.adopt(holder, ttlMs, signal)]);
    signal.throwIfAborted();
    if (from !== undefined) released(from);
    const now = own.get(holder);
    if (now) own.set(holder, { ...now, leasedUntil: until, isTold: true });
    forgetLeft(holder);
  }

  /** The keeper has it as it should be: no more is done about it here. */
  function forgetLeft(holder: string): void {
    if (own.get(holder)?.use === 'left') forget(holder);
  }

  /** Lets go of what nobody here needs, once all that is in use has been claimed: nobody is admitted in between. */
  async function giveBack(signal: AbortSignal): Promise<void> {
    if (isUnclaimed() || !isOwing) return;
    isOwing = false;
    // From now on a release may be heard though its answer does not come.
    spare = [];
    try {
      await Promise.all(vacantNames().map((name) => leases.release(name, signal).then(() => released(name))));
    } catch (thrown) {
      isOwing = true;
      throw thrown;
    }
  }

  function released(name: string): void {
    if (!own.has(name) && !asking.includes(name)) names.delete(name);
  }

  function vacantNames(): string[] {
    return [...names].filter((name) => !own.has(name) && !asking.includes(name));
  }
}

import { createDependency, type Dependency } from '../resilience/dependency.ts';
import { type Clock, sleep } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import type { ManualClock } from '../std/manual-clock.ts';
import { untilAborted } from '../std/signals.ts';

/**
 * How a dependency treats who asks it. `gone`: refuses at once. `silent`: never hears. `deaf`: does it, and never
 * answers. `stopped`: does it when it goes on, long after whoever asked has given up.
 */
export type Mode = 'there' | 'gone' | 'silent' | 'deaf' | 'stopped';

export interface Away<Port> {
  readonly port: Port;
  mode: Mode;
  /** How long it takes to answer; what it is asked, it does halfway. */
  delayMs: number;
  /** Questions that reached it, or would have. */
  asked: number;
  /** From now on it is there, and does first what it was asked while it was stopped. */
  comeBack(): Promise<void>;
}

const nobody = new AbortController().signal;

/** A port of promises, the last argument of each method its signal, that can be away. */
export function awayAtWill<Port extends object>(port: Port, clock: ManualClock): Away<Port> {
  const backlog: (() => Promise<unknown>)[] = [];
  let line: Promise<unknown> = Promise.resolve();
  const away: Away<Port> = {
    port: new Proxy(port, {
      get(target, key) {
        const method: unknown = Reflect.get(target, key);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) => answer((signal) => method.apply(target, [...args.slice(0, -1), signal]), args);
      },
    }),
    mode: 'there',
    delayMs: 0,
    asked: 0,
    async comeBack() {
      away.mode = 'there';
      await goOn();
    },
  };
  return away;

  async function answer(act: (signal: AbortSignal) => Promise<unknown>, args: readonly unknown[]): Promise<unknown> {
    const signal = args.at(-1) as AbortSignal;
    signal.throwIfAborted();
    away.asked += 1;
    switch (away.mode) {
      case 'there':
        await goOn();
        return slowly(act, signal);
      case 'gone':
        throw new Fault('unavailable', 'redis.unreachable', 'expected a connection, there is none');
      case 'stopped':
        backlog.push(() => act(nobody));
        break;
      case 'deaf':
        await goOn();
        await act(nobody);
        break;
      case 'silent':
        break;
      default:
        away.mode satisfies never;
    }
    return untilAborted(new Promise(() => {}), signal);
  }

  async function goOn(): Promise<void> {
    // All of it before whatever is asked from now on.
    await Promise.all(backlog.splice(0).map((late) => late()));
  }

  /** One after another, as on one connection; what was asked is done, whether or not somebody still waits for it. */
  function slowly(act: (signal: AbortSignal) => Promise<unknown>, signal: AbortSignal): Promise<unknown> {
    const halfMs = away.delayMs / 2;
    const before = line;
    const done = inTurn();
    line = done.catch(() => undefined);
    return untilAborted(answered(), signal);

    async function inTurn(): Promise<unknown> {
      if (halfMs > 0) await sleep(clock, halfMs, nobody);
      await before;
      return act(nobody);
    }
    async function answered(): Promise<unknown> {
      const answer = await done;
      if (halfMs > 0) await sleep(clock, halfMs, nobody);
      return answer;
    }
  }
}

/** A question to Redis is given up after this. */
export const DEADLINE_MS = 100;

/** Redis as one process sees it: left alone for half a second once it is known to be away. */
export function redisOf(clock: Clock): Dependency {
  const options = { name: 'redis', deadlineMs: DEADLINE_MS, lateReason: 'redis.timeout', restMs: 500, limit: 64 };
  return createDependency(options, clock);
}

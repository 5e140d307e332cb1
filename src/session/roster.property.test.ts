import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import type { CallStore } from '../ports/call-store.ts';
import { type Clock, sleep } from '../std/clock.ts';
import { ManualClock, settle } from '../std/manual-clock.ts';
import { callIdOf, heard, openRoster, type RecordedLine, responderOf, type TestRoster } from './roster.fixture.ts';

/** Sockets come, ask, speak and go; `slow` stores and models leave room for others to come in between. */
type Happening =
  | { readonly kind: 'dial'; readonly call: number; readonly isProven: boolean; readonly hasDetails: boolean }
  | { readonly kind: 'ask'; readonly socket: number }
  | { readonly kind: 'drop'; readonly socket: number }
  | { readonly kind: 'prove'; readonly call: number }
  | { readonly kind: 'wait'; readonly ms: number };

const call = fc.nat(2);
const socket = fc.nat(3);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('dial'),
      call,
      isProven: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false)),
      hasDetails: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask'), socket }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop'), socket }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('prove'), call }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.constantFrom(1, 60, 500, 2_000, 31_000) }) },
);

interface Socket {
  readonly call: number;
  readonly line: RecordedLine;
  /** What it had carried when another took its call. */
  displacedAt?: number;
  isGone: boolean;
}

/** One of many sockets of few calls, and the asks they owe an answer. */
class Play {
  readonly #clock = new ManualClock();
  readonly #roster: TestRoster;
  readonly #sockets: Socket[] = [];
  readonly #newestOf = new Map<number, Socket>();
  #asked = 0;

  constructor(storeMs: number, modelMs: number) {
    const clock = this.#clock;
    const responder = responderOf(async function* (_order, signal) {
      await sleep(clock, modelMs, signal);
      yield { kind: 'sentence', text: 'Here you are.' };
      yield { kind: 'end' };
    });
    this.#roster = openRoster({ callStore: slowStore(clock, storeMs), responder, maxCalls: 2 }, clock);
  }

  async play(one: Happening): Promise<void> {
    switch (one.kind) {
      case 'dial':
        await this.#dial(one);
        break;
      case 'ask':
        await this.#ask(this.#sockets.at(-1 - one.socket));
        break;
      case 'drop': {
        const dropped = this.#sockets.at(-1 - one.socket);
        if (!dropped || dropped.isGone || dropped.line.letGoBy) break;
        dropped.isGone = true;
        dropped.line.drop();
        break;
      }
      case 'prove':
        this.#roster.prove(callIdOf(one.call));
        break;
      case 'wait':
        await this.#clock.advance(one.ms);
        break;
      default:
        one satisfies never;
    }
    await settle();
    this.#check();
  }

  async #dial({ call: number, isProven, hasDetails }: Extract<Happening, { kind: 'dial' }>): Promise<void> {
    const before = this.#newestOf.get(number);
    const line = await this.#roster.dial(number, { isProven, details: hasDetails ? {} : 'none' });
    const isRefused = line.letGoBy === 'terminate' && line.carried.length === 0 && !isProven;
    const opened: Socket = { call: number, line, isGone: isRefused };
    this.#sockets.push(opened);
    if (isRefused) return;
    if (before && before.displacedAt === undefined) before.displacedAt = before.line.carried.length;
    this.#newestOf.set(number, opened);
  }

  async #ask(asked: Socket | undefined): Promise<void> {
    if (!asked || asked.isGone || asked.line.letGoBy) return;
    await asked.line.ask(++this.#asked, 'hi');
  }

  #check(): void {
    for (const number of [0, 1, 2]) {
      const greetings = this.#sockets.filter((one) => one.call === number && isGreeted(one.line));
      ensure(greetings.length <= 1, 'a call is greeted once, on one of its sockets');
    }
    for (const { line, displacedAt } of this.#sockets) {
      // A refused socket holds no call, so nobody takes it away.
      const limit = isBusy(line) ? undefined : displacedAt;
      ensure(line.carried.length <= (limit ?? line.carried.length), 'a displaced socket says nothing more');
      for (const effect of line.carried) {
        const closes = line.carried.filter(
          (one) =>
            one.kind === 'say' && effect.kind === 'say' && one.responseId === effect.responseId && one.isComplete,
        );
        ensure(closes.length <= 1, 'an id is closed once on a socket');
      }
    }
  }

  /** In the end every newest socket that is still there has answered the last thing it was asked. */
  async finish(): Promise<void> {
    await this.#clock.advance(31_000);
    for (const [number, { line, isGone }] of this.#newestOf) {
      if (isGone || line.letGoBy) continue;
      const id = this.#asked + 1;
      line.listener?.onAsk('response', id, heard('hi', 'still there?'));
      await this.#clock.advance(31_000);
      ensure(
        line.letGoBy !== undefined || line.sent(id).some((words) => words.startsWith('∎')),
        `call ${number} answers`,
      );
    }
    this.#check();
  }
}

function isGreeted(line: RecordedLine): boolean {
  return line.sent(0).includes('Hello, front desk.');
}

function isBusy(line: RecordedLine): boolean {
  return line.carried.some((effect) => effect.kind === 'say' && effect.text === 'All lines are busy.');
}

function slowStore(clock: Clock, ms: number): CallStore {
  const store = memoryCallStore(clock);
  if (ms === 0) return store;
  const { signal } = new AbortController();
  const late = <A extends readonly unknown[], T>(act: (...args: A) => Promise<T>) => {
    return async (...args: A): Promise<T> => {
      await sleep(clock, ms, signal);
      return act(...args);
    };
  };
  return { ...store, load: late(store.load), take: late(store.take), commit: late(store.commit) };
}

function ensure(isTrue: boolean, promise: string): void {
  if (!isTrue) throw new Error(`broken: ${promise}`);
}

describe('sockets of a call', () => {
  it('come and go in any order, and the caller is greeted once, answered always, and by one of them at a time', async () => {
    const speeds = fc.constantFrom(0, 1, 100);
    const promises = fc.asyncProperty(
      fc.array(happening, { maxLength: 20, size: 'max' }),
      speeds,
      speeds,
      async (happenings, storeMs, modelMs) => {
        const play = new Play(storeMs, modelMs);
        for (const one of happenings) await play.play(one);
        await play.finish();
      },
    );
    await fc.assert(promises, { numRuns: 150 }); // a failure prints its seed
  });
});

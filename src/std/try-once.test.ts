import { describe, expect, it } from 'vitest';
import { sleep } from './clock.ts';
import { Fault } from './fault.ts';
import { ManualClock } from './manual-clock.ts';
import { tryOnce as tryWith } from './try-once.ts';

const signal = new AbortController().signal;
const tryOnce = (
  work: (within: AbortSignal) => Promise<void>,
  attempt: number,
  maxAttempts: number,
  within: AbortSignal,
  clock = new ManualClock(),
) => tryWith(work, attempt, maxAttempts, clock, within);
const failing = (fault: unknown) => () => Promise.reject(fault);
const passing = new Fault('unavailable', 'retell.unavailable', 'away');

describe('one try', () => {
  it('is done when the work is', async () => {
    expect(await tryOnce(async () => {}, 1, 1, signal)).toEqual({ kind: 'done' });
  });

  it('is followed by another one after 1, 5, 25 s and so on, an hour at most', async () => {
    const delays: unknown[] = [];
    for (let attempt = 1; attempt <= 7; attempt++) {
      const outcome = await tryOnce(failing(passing), attempt, 10, signal);
      delays.push(outcome.kind === 'again' ? outcome.delayMs : outcome.kind);
    }
    expect(delays).toEqual([1_000, 5_000, 25_000, 125_000, 625_000, 3_125_000, 3_600_000]);
  });

  it('is the end when the tries are spent, or when trying again is of no use', async () => {
    expect(await tryOnce(failing(passing), 3, 3, signal)).toEqual({ kind: 'dead', fault: passing });
    const hopeless = new Fault('invalid', 'api.bad_body', 'no');
    expect(await tryOnce(failing(hopeless), 1, 10, signal)).toEqual({ kind: 'dead', fault: hopeless });
  });

  it('takes what is no Fault for a bug', async () => {
    const outcome = await tryOnce(failing(new Error('oops')), 1, 10, signal);
    expect(outcome).toMatchObject({ kind: 'dead', fault: { kind: 'bug', reason: 'jobs.handler_threw' } });
  });

  it('hands the work back when it is stopped, and lets a failure be one all the same', async () => {
    const reason = new Error('enough');
    const stopped = AbortSignal.abort(reason);
    expect(await tryOnce(failing(passing), 1, 10, stopped)).toEqual({ kind: 'handed_back' });
    const stopping = new AbortController();
    const work = (fault: unknown) => async () => {
      stopping.abort(reason);
      throw fault;
    };
    expect(await tryOnce(work(reason), 1, 10, stopping.signal)).toEqual({ kind: 'handed_back' });
    const running = new AbortController();
    const failsWhileStopped = async () => {
      running.abort(reason);
      throw passing;
    };
    expect(await tryOnce(failsWhileStopped, 1, 10, running.signal)).toMatchObject({ kind: 'again' });
  });

  it('counts a cancellation that nobody asked for as a failure', async () => {
    const cancelled = new Fault('cancelled', 'work.cancelled', 'no');
    expect(await tryOnce(failing(cancelled), 1, 10, signal)).toMatchObject({ kind: 'again', delayMs: 1_000 });
  });

  it('fails after 30 s, whatever the work does about its signal', async () => {
    const clock = new ManualClock();
    const heard: unknown[] = [];
    const hang = (within: AbortSignal) =>
      new Promise<void>(() => within.addEventListener('abort', () => heard.push(within.reason.reason)));
    let outcome: unknown;
    void tryOnce(hang, 1, 10, signal, clock).then((came) => {
      outcome = came;
    });
    await clock.advance(29_999);
    expect([outcome, heard]).toEqual([undefined, []]);
    await clock.advance(1);
    expect(outcome).toMatchObject({ kind: 'again', fault: { kind: 'timeout', reason: 'jobs.handler_timeout' } });
    expect(heard).toEqual(['jobs.handler_timeout']);
  });

  it('is handed back 5 s after it was to stop, when the work goes on by then', async () => {
    const clock = new ManualClock();
    const stopping = new AbortController();
    const heard: unknown[] = [];
    const hang = (within: AbortSignal) =>
      new Promise<void>(() => within.addEventListener('abort', () => heard.push(within.reason)));
    let outcome: unknown;
    void tryOnce(hang, 1, 10, stopping.signal, clock).then((came) => {
      outcome = came;
    });
    await clock.advance(10_000);
    const reason = new Error('enough');
    stopping.abort(reason);
    expect(heard).toEqual([reason]);
    await clock.advance(4_999);
    expect(outcome).toBeUndefined();
    await clock.advance(1);
    expect(outcome).toEqual({ kind: 'handed_back' });
  });

  it('counts what was finished after it was to stop', async () => {
    const clock = new ManualClock();
    const stopping = new AbortController();
    const finish = async () => {
      stopping.abort();
      await sleep(clock, 4_000, signal);
    };
    const trying = tryOnce(finish, 1, 10, stopping.signal, clock);
    await clock.advance(4_000);
    expect(await trying).toEqual({ kind: 'done' });
  });
});

import { describe, expect, it } from 'vitest';
import { Fault } from './fault.ts';
import { tryOnce } from './try-once.ts';

const signal = new AbortController().signal;
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
});

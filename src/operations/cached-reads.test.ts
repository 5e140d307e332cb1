import { describe, expect, it } from 'vitest';
import { Fault } from '../std/fault.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { cachedReads } from './cached-reads.ts';
import { idOf, retellOnPaper } from './context.fixture.ts';

const { signal } = new AbortController();

function given(read: () => Promise<{ current: number; limit: number }>) {
  const clock = new ManualClock();
  let asked = 0;
  const concurrency = () => {
    asked++;
    return read();
  };
  return { clock, control: cachedReads(retellOnPaper({ concurrency }), clock), asked: () => asked };
}

describe('cached reads', () => {
  const load = { current: 1, limit: 20 };

  it('ask Retell once in five minutes, however many ask', async () => {
    const { clock, control, asked } = given(async () => load);
    await Promise.all([control.concurrency(signal), control.concurrency(signal)]);
    await clock.advance(299_999);
    expect(await control.concurrency(signal)).toEqual(load);
    expect(asked()).toBe(1);
    await clock.advance(1);
    await control.concurrency(signal);
    expect(asked()).toBe(2);
  });

  it('keep no failure', async () => {
    const answers = [() => Promise.reject(new Fault('unavailable', 'retell.unavailable', 'gone')), async () => load];
    const { control } = given(async () => (await answers.shift()?.()) ?? load);
    await expect(control.concurrency(signal)).rejects.toThrow(Fault);
    expect(await control.concurrency(signal)).toEqual(load);
  });

  it('let one who leaves take the answer from nobody', async () => {
    const answer = Promise.withResolvers<typeof load>();
    const { control } = given(() => answer.promise);
    const leaving = new AbortController();
    const left = control.concurrency(leaving.signal);
    const stayed = control.concurrency(signal);
    leaving.abort(new Fault('cancelled', 'request.gone', 'gone'));
    await expect(left).rejects.toMatchObject({ reason: 'request.gone' });
    answer.resolve(load);
    expect(await stayed).toEqual(load);
  });

  it('let through what has an effect, every time', async () => {
    let dials = 0;
    const place = async () => ({ callId: idOf(`call_${++dials}_aaaa`), status: 'registered', agentId: undefined });
    const control = cachedReads(retellOnPaper({ place }), new ManualClock());
    for (let times = 0; times < 2; times++) await control.place({ fromNumber: '+1', toNumber: '+2' }, signal);
    expect(dials).toBe(2);
  });
});

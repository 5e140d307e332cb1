import { describe, expect, it } from 'vitest';
import { Fault } from './fault.ts';
import { ManualClock, settle } from './manual-clock.ts';
import { createWait } from './signals.ts';

const gone = new Fault('cancelled', 'test.gone', 'expected a reader, it left');

function open() {
  const clock = new ManualClock();
  const controller = new AbortController();
  return { clock, controller, wait: createWait(clock, controller.signal) };
}

describe('waiting for one piece of work after another', () => {
  it('gives what each brings in time, and a fault of the given reason for one that is late', async () => {
    const { clock, wait } = open();
    expect(await wait(Promise.resolve('first'), 100, 'test.late')).toBe('first');
    const late = wait(new Promise(() => {}), 100, 'test.late');
    const told = expect(late).rejects.toMatchObject({ kind: 'timeout', reason: 'test.late' });
    await clock.advance(100);
    await told;
    expect(await wait(Promise.resolve('third'), 100, 'test.late')).toBe('third');
  });

  it("rejects with the signal's reason, at once when it was aborted before", async () => {
    const { controller, wait } = open();
    const waiting = wait(new Promise(() => {}), 100, 'test.late');
    controller.abort(gone);
    await expect(waiting).rejects.toBe(gone);
    await expect(wait(Promise.resolve('more'), 100, 'test.late')).rejects.toBe(gone);
  });

  it('leaves no rejection unhandled of work that nobody waits for any more', async () => {
    const { controller, wait } = open();
    controller.abort(gone);
    const failing = Promise.withResolvers<never>();
    await expect(wait(failing.promise, 100, 'test.late')).rejects.toBe(gone);
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listen);
    failing.reject(new Error('nobody cares'));
    await settle();
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });
});

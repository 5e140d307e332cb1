import { describe, expect, it } from 'vitest';
import { Fault } from '../std/fault.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { type Breaker, createBreaker } from './breaker.ts';

const idle = new AbortController().signal;
const broken = new Fault('unavailable', 'test.broken', 'expected success, broke on purpose');

async function good(breaker: Breaker, times = 1) {
  for (let i = 0; i < times; i++) await breaker.run(async () => 'fine', idle);
}

async function bad(breaker: Breaker, times = 1) {
  for (let i = 0; i < times; i++) {
    await expect(
      breaker.run(async () => {
        throw broken;
      }, idle),
    ).rejects.toBe(broken);
  }
}

async function expectRefusal(breaker: Breaker) {
  let isCalled = false;
  const run = breaker.run(async () => {
    isCalled = true;
  }, idle);
  await expect(run).rejects.toMatchObject({ kind: 'unavailable', reason: 'breaker.open' });
  expect(isCalled).toBe(false);
}

/** A run whose end the test decides. */
function begin(breaker: Breaker, signal = idle) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { done: breaker.run(() => promise, signal), resolve, reject };
}

async function opened(clock = new ManualClock()) {
  const breaker = createBreaker('test', clock);
  await bad(breaker, 5);
  expect(breaker.state().state).toBe('open');
  return { breaker, clock };
}

describe('when it opens', () => {
  it('opens at the fifth failure in a row and refuses without calling', async () => {
    const clock = new ManualClock();
    const breaker = createBreaker('test', clock);
    await bad(breaker, 4);
    expect(breaker.state()).toEqual({ state: 'closed' });
    await bad(breaker);
    expect(breaker.state()).toEqual({ state: 'open', openedAt: clock.now(), probeAt: clock.now() + 5_000 });
    await expectRefusal(breaker);
  });

  it('begins counting in a row anew after a success', async () => {
    const breaker = createBreaker('test', new ManualClock());
    await good(breaker, 10);
    await bad(breaker, 4);
    await good(breaker);
    await bad(breaker, 4);
    expect(breaker.state().state).toBe('closed');
  });

  it('opens when half of ten runs within ten seconds failed', async () => {
    const breaker = createBreaker('test', new ManualClock());
    await bad(breaker, 4);
    await good(breaker, 5);
    expect(breaker.state().state).toBe('closed');
    await bad(breaker);
    expect(breaker.state().state).toBe('open');
  });

  it('stays closed when half of only nine runs failed', async () => {
    const breaker = createBreaker('test', new ManualClock());
    await bad(breaker, 4);
    await good(breaker, 4);
    await bad(breaker);
    expect(breaker.state().state).toBe('closed');
  });

  it('forgets runs older than ten seconds', async () => {
    const clock = new ManualClock();
    const breaker = createBreaker('test', clock);
    await bad(breaker, 4);
    await good(breaker, 1);
    await clock.advance(10_000);
    await good(breaker, 4);
    await bad(breaker, 4);
    expect(breaker.state().state).toBe('closed');
  });

  it('counts a value that is judged a failure, and returns it all the same', async () => {
    const breaker = createBreaker('test', new ManualClock());
    for (let i = 0; i < 5; i++)
      expect(
        await breaker.run(
          async () => 'late',
          idle,
          () => true,
        ),
      ).toBe('late');
    expect(breaker.state().state).toBe('open');
  });

  it('counts a success that was taken back as a failure', async () => {
    const clock = new ManualClock();
    const breaker = createBreaker('test', clock);
    for (let i = 0; i < 5; i++) {
      expect(breaker.state().state).toBe('closed');
      await good(breaker);
      breaker.takeBackSuccess();
      await clock.advance(10_000);
    }
    expect(breaker.state().state).toBe('open');
  });

  it('counts a function that throws before it returns a promise', async () => {
    const breaker = createBreaker('test', new ManualClock());
    for (let i = 0; i < 5; i++) {
      const run = breaker.run(() => {
        throw broken;
      }, idle);
      await expect(run).rejects.toBe(broken);
    }
    expect(breaker.state().state).toBe('open');
  });
});

describe('cancelled runs', () => {
  it('counts a cancelled Fault as neither success nor failure', async () => {
    const breaker = createBreaker('test', new ManualClock());
    const cancelled = new Fault('cancelled', 'test.cancelled', 'expected to be cancelled');
    await bad(breaker, 4);
    await expect(breaker.run(() => Promise.reject(cancelled), idle)).rejects.toBe(cancelled);
    expect(breaker.state().state).toBe('closed');
    await bad(breaker);
    expect(breaker.state().state).toBe('open');
  });

  it('counts a run whose signal aborted as neither, whatever it threw or returned', async () => {
    const breaker = createBreaker('test', new ManualClock());
    await bad(breaker, 4);
    for (const end of ['resolve', 'reject'] as const) {
      const controller = new AbortController();
      const run = begin(breaker, controller.signal);
      controller.abort();
      if (end === 'resolve') {
        run.resolve('late');
        expect(await run.done).toBe('late');
      } else {
        run.reject(broken);
        await expect(run.done).rejects.toBe(broken);
      }
    }
    expect(breaker.state().state).toBe('closed');
    await bad(breaker);
    expect(breaker.state().state).toBe('open');
  });

  it('probes again at once when the probe was cancelled', async () => {
    const { breaker, clock } = await opened();
    await clock.advance(5_000);
    const controller = new AbortController();
    const probe = begin(breaker, controller.signal);
    controller.abort();
    probe.reject(broken);
    await expect(probe.done).rejects.toBe(broken);
    expect(breaker.state().state).toBe('open');
    await good(breaker);
    expect(breaker.state().state).toBe('closed');
  });

  it('does not stay open longer for a cancelled probe', async () => {
    const { breaker, clock } = await opened();
    await clock.advance(5_000);
    const controller = new AbortController();
    const probe = begin(breaker, controller.signal);
    controller.abort();
    probe.resolve('late');
    await probe.done;
    await bad(breaker);
    expect(breaker.state()).toMatchObject({ probeAt: clock.now() + 10_000 });
  });

  it('runs nothing for a signal that is already aborted', async () => {
    const { breaker, clock } = await opened();
    await clock.advance(5_000);
    const run = breaker.run(async () => 'never', AbortSignal.abort(broken));
    await expect(run).rejects.toBe(broken);
    await good(breaker);
    expect(breaker.state().state).toBe('closed');
  });
});

describe('how it closes again', () => {
  it('lets one probe through after five seconds and refuses the others meanwhile', async () => {
    const { breaker, clock } = await opened();
    await clock.advance(4_999);
    await expectRefusal(breaker);
    await clock.advance(1);
    const probe = begin(breaker);
    expect(breaker.state()).toEqual({ state: 'halfOpen' });
    await expectRefusal(breaker);
    probe.resolve('fine');
    await probe.done;
    expect(breaker.state()).toEqual({ state: 'closed' });
    await bad(breaker, 4);
    expect(breaker.state().state).toBe('closed');
  });

  it('doubles the time it stays open up to a minute, and starts at five seconds after it closed', async () => {
    const { breaker, clock } = await opened();
    for (const openForMs of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      expect(breaker.state()).toMatchObject({ openedAt: clock.now(), probeAt: clock.now() + openForMs });
      await clock.advance(openForMs - 1);
      await expectRefusal(breaker);
      await clock.advance(1);
      await bad(breaker);
    }
    await clock.advance(60_000);
    await good(breaker);
    await bad(breaker, 5);
    expect(breaker.state()).toMatchObject({ probeAt: clock.now() + 5_000 });
  });

  it('ignores how runs from before it opened end while the probe is out', async () => {
    const clock = new ManualClock();
    const breaker = createBreaker('test', clock);
    const stragglers = [begin(breaker), begin(breaker)] as const;
    await bad(breaker, 5);
    await clock.advance(5_000);
    const probe = begin(breaker);
    stragglers[0].reject(broken);
    await expect(stragglers[0].done).rejects.toBe(broken);
    stragglers[1].resolve('fine');
    await stragglers[1].done;
    expect(breaker.state()).toEqual({ state: 'halfOpen' });
    probe.resolve('fine');
    await probe.done;
    expect(breaker.state()).toEqual({ state: 'closed' });
  });

  it('says in the refusal whose breaker it is and how long to wait', async () => {
    const { breaker, clock } = await opened();
    await clock.advance(2_000);
    await expect(breaker.run(async () => 'never', idle)).rejects.toMatchObject({
      detail: { name: 'test', retryAfterMs: 3_000 },
    });
  });
});

describe('its times', () => {
  it('stays open as long as it was told, and doubles up to what it was told', async () => {
    const clock = new ManualClock();
    const breaker = createBreaker('test', clock, { openForMs: 300, openForAtMostMs: 1_000 });
    await bad(breaker, 5);
    for (const openForMs of [300, 600, 1_000, 1_000]) {
      await clock.advance(openForMs - 1);
      await expectRefusal(breaker);
      await clock.advance(1);
      await bad(breaker);
    }
    await clock.advance(1_000);
    await good(breaker);
    await bad(breaker, 5);
    expect(breaker.state()).toMatchObject({ probeAt: clock.now() + 300 });
  });
});

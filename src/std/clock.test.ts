import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { sleep, systemClock } from './clock.ts';

describe('the system clock', () => {
  it('never runs a timer early: a filler that is early is taken for one that was stopped', async () => {
    const early = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const delayMs = 5 + index * 0.37;
        const startedAt = systemClock.now();
        await sleep(systemClock, delayMs, new AbortController().signal);
        return delayMs - (systemClock.now() - startedAt);
      }),
    );
    expect(Math.max(...early)).toBeLessThan(0.01);
  });

  describe.each(['after', 'every'] as const)('%s', (kind) => {
    /** Lets the process stand still while a timer's time comes and something arrives. */
    const standStill = async (onNews: (order: string[], cancel: () => void) => void) => {
      const server = createServer((peer) => peer.write('hello'));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      const [[peer]] = await Promise.all([once(server, 'connection'), once(socket, 'data')]);
      const order: string[] = [];
      let cancel = () => {};
      const news = once(socket, 'data').then(() => onNews(order, cancel));
      // From an immediate the loop comes to its timers before it comes to its sockets.
      setImmediate(() => {
        cancel = systemClock[kind](5, () => {
          order.push('timer');
          cancel();
        });
        peer.write('news');
        const until = performance.now() + 50;
        while (performance.now() < until);
      });
      await news;
      await sleep(systemClock, 10, new AbortController().signal);
      socket.destroy();
      peer.destroy();
      server.close();
      return order;
    };

    it('reads first what came while the process stood still', async () => {
      expect(await standStill((order) => order.push('news'))).toEqual(['news', 'timer']);
    });

    it('can be cancelled by what came while the process stood still', async () => {
      expect(await standStill((_, cancel) => cancel())).toEqual([]);
    });
  });

  it('cancels a timer at any time', async () => {
    let runs = 0;
    const cancel = systemClock.after(1, () => runs++);
    cancel();
    await sleep(systemClock, 10, new AbortController().signal);
    cancel();
    expect(runs).toBe(0);
  });

  it('repeats until it is told to stop, and no longer', async () => {
    const twice = Promise.withResolvers<void>();
    let runs = 0;
    const cancel = systemClock.every(1, () => {
      runs++;
      if (runs < 2) return;
      cancel();
      twice.resolve();
    });
    await twice.promise;
    await sleep(systemClock, 10, new AbortController().signal);
    expect(runs).toBe(2);
  });

  it('rejects a sleep with the reason of its signal, before it and during it', async () => {
    const controller = new AbortController();
    const sleeping = sleep(systemClock, 60_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    await expect(sleep(systemClock, 60_000, controller.signal)).rejects.toThrow('enough');
  });
});

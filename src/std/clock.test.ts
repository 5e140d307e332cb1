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

  it.each(['after', 'every'] as const)('reads first what came while the process stood still: %s', async (kind) => {
    const server = createServer((peer) => peer.write('hello'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [[peer]] = await Promise.all([once(server, 'connection'), once(socket, 'data')]);
    const order: string[] = [];
    socket.on('data', () => order.push('news'));
    const { promise, resolve } = Promise.withResolvers<void>();
    // From an immediate the loop comes to its timers before it comes to its sockets.
    setImmediate(() => {
      const cancel = systemClock[kind](5, () => {
        order.push('timer');
        cancel();
        resolve();
      });
      peer.write('news');
      const until = performance.now() + 50;
      while (performance.now() < until);
    });
    await promise;
    socket.destroy();
    peer.destroy();
    server.close();
    expect(order).toEqual(['news', 'timer']);
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

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openRedis, type RedisStores } from '../../src/adapters/redis/redis.ts';
import { systemClock } from '../../src/std/clock.ts';
import { Fault } from '../../src/std/fault.ts';
import type { Log } from '../../src/std/log.ts';
import { startFaultProxy } from '../../tools/services/fault-proxy.ts';
import { startRedis } from '../../tools/services/redis.ts';
import type { RunningService } from '../../tools/services/running-service.ts';
import { newCallId, sampleEvent, sampleHead } from '../contracts/samples.ts';
import { signal } from '../contracts/subject.ts';
import { withClient } from './redis-subject.ts';

const TIMEOUT_MS = 100;
/** A busy machine runs a timer this much later. */
const SLACK_MS = 300;
const BACK_WITHIN = { timeout: 10_000, interval: 20 };

let service: RunningService;
let stores: RedisStores;
const lines: string[] = [];

beforeAll(async () => {
  service = await startRedis();
});
afterAll(() => service.stop());

beforeEach(async () => {
  lines.length = 0;
  stores = await open();
});
afterEach(async () => {
  service.resume();
  await service.start();
  await stores.close();
});

function open(): Promise<RedisStores> {
  const options = { timeoutMs: TIMEOUT_MS, prefix: `${randomUUID()}:` };
  return openRedis(service.url, systemClock, log, options, signal);
}

/** Every line that is more than debugging, in `lines`. */
const log: Log = {
  debug() {},
  info: (fields, message) => void lines.push(`${message} ${JSON.stringify(fields)}`),
  warn: (fields, message) => log.info(fields, message),
  error: (fields, message) => log.info(fields, message),
  child: () => log,
};

const commitOf = (lastAsk: number) => ({ head: sampleHead(lastAsk), appended: [], facts: [] });
const isBack = () => vi.waitFor(() => stores.ping(signal), BACK_WITHIN);

/** What each command on the way of a call fails with, and after how long. */
async function failures() {
  const callId = newCallId();
  const { callStore, leases, replyCache } = stores;
  const commands: readonly (() => Promise<unknown>)[] = [
    () => callStore.take(callId, signal),
    () => callStore.commit(callId, 1, commitOf(1), signal),
    () => callStore.load(callId, signal),
    () => callStore.remove(callId, signal),
    () => callStore.enqueue([sampleEvent(callId, 1)], signal),
    () => leases.acquire(callId, 10, 1_000, signal),
    () => leases.adopt(callId, 1_000, signal),
    () => leases.count(signal),
    () => replyCache.get('hours', signal),
    () => replyCache.put('hours', ['At six.'], 1_000, signal),
  ];
  return Promise.all(
    commands.map(async (command) => {
      const from = performance.now();
      const thrown: unknown = await command().catch((failure: unknown) => failure);
      return { reason: thrown instanceof Fault ? thrown.reason : thrown, afterMs: performance.now() - from };
    }),
  );
}

describe('a Redis that stands still', () => {
  it('fails every command of a call when its time is up, and not later', async () => {
    service.pause();
    for (const { reason, afterMs } of await failures()) {
      expect(reason).toBe('redis.timeout');
      expect(afterMs).toBeGreaterThanOrEqual(TIMEOUT_MS - 1);
      expect(afterMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
    }
  });

  it('counts as lost after a second, and is used again when it goes on', async () => {
    const callId = newCallId();
    await stores.callStore.take(callId, signal);
    service.pause();
    await vi.waitFor(async () => {
      await expect(stores.callStore.load(callId, signal)).rejects.toMatchObject({ reason: 'redis.unreachable' });
    }, BACK_WITHIN);
    service.resume();
    await isBack();
    expect(await stores.callStore.commit(callId, 1, commitOf(1), signal)).toBe('committed');
  });

  it('gives nothing to a reader of the log who has given up', async () => {
    const group = { name: 'archive' };
    await stores.eventLog.read(group, 10, 60_000, signal);
    const event = sampleEvent(newCallId(), 1);
    await stores.eventLog.publish([event], signal);
    service.pause();
    // By its deadline, or by the silence that ends the connection: both are a second.
    await expect(stores.eventLog.read(group, 10, 60_000, signal)).rejects.toBeInstanceOf(Fault);
    await vi.waitFor(async () => {
      await expect(stores.ping(signal)).rejects.toMatchObject({ reason: 'redis.unreachable' });
    }, BACK_WITHIN);
    service.resume();
    // A short lease: on a busy machine the first of these may be given up too, with the delivery already on its way.
    const read = () => stores.eventLog.read(group, 10, 200, signal);
    await vi.waitFor(async () => expect(await read()).toMatchObject([{ event }]), BACK_WITHIN);
  });

  it('lets go at once of whoever gives up', async () => {
    service.pause();
    const giveUp = new AbortController();
    const loading = stores.callStore.load(newCallId(), giveUp.signal);
    const reason = new Error('enough');
    giveUp.abort(reason);
    await expect(loading).rejects.toBe(reason);
  });

  it('is opened all the same', async () => {
    service.pause();
    const opened = await open();
    await expect(opened.ping(signal)).rejects.toMatchObject({ kind: 'unavailable' });
    service.resume();
    await vi.waitFor(() => opened.ping(signal), BACK_WITHIN);
    await opened.close();
  });
});

describe('a connection that was given up', () => {
  const clientIds = () =>
    withClient(service.url, async (redis) => {
      const clients = String(await redis.client('LIST', 'TYPE', 'NORMAL')).split('\n');
      return new Set(clients.flatMap((line) => /^id=(\d+)/.exec(line)?.[1] ?? []));
    });

  it('changes nothing any more once there is another, though Redis has not heard of its end', async () => {
    const proxy = await startFaultProxy(service.port);
    const before = await clientIds();
    const url = `redis://127.0.0.1:${proxy.port}`;
    const opened = await openRedis(
      url,
      systemClock,
      log,
      { timeoutMs: TIMEOUT_MS, prefix: `${randomUUID()}:` },
      signal,
    );
    try {
      const ours = [...(await clientIds())].find((id) => !before.has(id));
      proxy.delay(600_000);
      await expect(opened.leases.acquire('late', 1, 15_000, signal)).rejects.toMatchObject({ reason: 'redis.timeout' });
      await vi.waitFor(async () => {
        await expect(opened.ping(signal)).rejects.toMatchObject({ reason: 'redis.unreachable' });
      }, BACK_WITHIN);
      expect(await clientIds()).toContain(ours);
      proxy.pass();
      await vi.waitFor(() => opened.ping(signal), BACK_WITHIN);
      expect(await clientIds()).not.toContain(ours);
    } finally {
      await opened.close();
      await proxy.close();
    }
  });
});

describe('a Redis that was killed', () => {
  it('fails every command at once, and is used again when it is there, with what it knew', async () => {
    const callId = newCallId();
    await stores.callStore.take(callId, signal);
    // With a disk this busy the file may else be written two seconds later.
    await withClient(service.url, (redis) => redis.config('SET', 'appendfsync', 'always'));
    await stores.callStore.commit(callId, 1, commitOf(3), signal);
    await service.kill();
    await vi.waitFor(async () => {
      await expect(stores.ping(signal)).rejects.toMatchObject({ reason: 'redis.unreachable' });
    }, BACK_WITHIN);
    for (const { reason, afterMs } of await failures()) {
      expect(reason).toBe('redis.unreachable');
      expect(afterMs).toBeLessThan(TIMEOUT_MS);
    }
    await service.start();
    await isBack();
    expect(await stores.callStore.take(callId, signal)).toEqual({
      epoch: 2,
      stored: { head: sampleHead(3), utterances: [] },
    });
  });

  it('is logged once when it goes and once when it is back, and never by its address', async () => {
    await service.kill();
    await vi.waitFor(async () => {
      await expect(stores.ping(signal)).rejects.toMatchObject({ reason: 'redis.unreachable' });
    }, BACK_WITHIN);
    await failures();
    await service.start();
    await isBack();
    expect(lines.map((line) => line.replace(/"code":"[^"]+"/, '"code":"..."'))).toEqual([
      'Redis cannot be reached; trying on {"reason":"redis.unreachable","code":"..."}',
      'Redis is back {}',
    ]);
    expect(lines.join()).not.toContain(String(service.port));
  });

  it('need not be there at the start', async () => {
    await service.kill();
    const opened = await open();
    await expect(opened.leases.count(signal)).rejects.toMatchObject({ reason: 'redis.unreachable' });
    await service.start();
    await vi.waitFor(async () => expect(await opened.leases.count(signal)).toBe(0), BACK_WITHIN);
    await opened.close();
  });

  it('tells who takes calls again once it is back', async () => {
    const heard: number[] = [];
    stores.join({ fence: (_callId, epoch) => heard.push(epoch), interject: () => false });
    await service.kill();
    await service.start();
    await isBack();
    const callId = newCallId();
    await vi.waitFor(async () => {
      await stores.callStore.take(callId, signal);
      expect(heard.length).toBeGreaterThan(0);
    }, BACK_WITHIN);
  });
});

describe('a Redis that', () => {
  it('has no room refuses what would need some, as a whole, and still renews and frees slots', async () => {
    const callId = newCallId();
    await stores.callStore.take(callId, signal);
    await stores.leases.acquire(callId, 10, 15_000, signal);
    await withClient(service.url, (redis) => redis.config('SET', 'maxmemory', '1'));
    try {
      await expect(stores.callStore.commit(callId, 1, commitOf(1), signal)).rejects.toMatchObject({
        kind: 'unavailable',
        reason: 'redis.refused',
        detail: { code: 'OOM' },
      });
      expect(await stores.callStore.load(callId, signal)).toBeUndefined();
      await stores.leases.adopt(callId, 15_000, signal);
      await stores.leases.release(callId, signal);
      await stores.callStore.remove(callId, signal);
    } finally {
      await withClient(service.url, (redis) => redis.config('SET', 'maxmemory', '0'));
    }
  });

  it('has forgotten the scripts is given them again', async () => {
    expect(await stores.leases.acquire('first', 1, 15_000, signal)).toBe('held');
    await withClient(service.url, (redis) => redis.script('FLUSH'));
    expect(await stores.leases.acquire('second', 1, 15_000, signal)).toBe('full');
  });

  it('wants a password it was not given is refused aloud, without the one it was given', async () => {
    const url = service.url.replace('redis://', 'redis://:wrong-and-secret@');
    await withClient(service.url, (redis) => redis.config('SET', 'requirepass', 'right'));
    const opened = await openRedis(url, systemClock, log, {}, signal);
    await withClient(service.url.replace('redis://', 'redis://:right@'), (redis) =>
      redis.config('SET', 'requirepass', ''),
    );
    await opened.close();
    expect(lines).toEqual(['Redis cannot be reached; trying on {"reason":"redis.unreachable","code":"WRONGPASS"}']);
  });
});

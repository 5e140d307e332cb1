import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CALL_TTL_MS } from '../../src/call/live-call.ts';
import type { Commit } from '../../src/ports/call-store.ts';
import { Fault } from '../../src/std/fault.ts';
import { newCallId, sampleEvent, sampleHead } from '../contracts/samples.ts';
import { signal } from '../contracts/subject.ts';
import { openFleet, withClient } from './redis-subject.ts';

const HELD_FOR_MS = 15_000;

let fleet: Awaited<ReturnType<typeof openFleet>>;
beforeEach(async () => {
  fleet = await openFleet(3);
});
afterEach(() => fleet.close());

const commitOf = (lastAsk: number, rest: Partial<Commit> = {}): Commit => ({
  head: sampleHead(lastAsk),
  appended: [],
  facts: [],
  ...rest,
});
const replica = (index: number) => {
  const stores = fleet.stores[index % fleet.stores.length];
  if (!stores) throw new Error('expected a replica');
  return stores;
};

describe('calls of a fleet', () => {
  it('belong to the last of fifty takers, and all others are fenced', async () => {
    const callId = newCallId();
    const takers = Array.from({ length: 50 }, (_, i) => replica(i).callStore);
    const taken = await Promise.all(takers.map((store) => store.take(callId, signal)));
    const epochs = taken.map(({ epoch }) => epoch);
    expect(epochs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));

    const outcomes = await Promise.all(
      takers.map((store, i) => {
        const epoch = epochs[i] ?? 0;
        return store.commit(
          callId,
          epoch,
          commitOf(epoch, { facts: [sampleEvent(callId, 1, undefined, epoch)] }),
          signal,
        );
      }),
    );
    expect(outcomes.map((outcome, i) => [epochs[i], outcome]).filter(([, outcome]) => outcome !== 'fenced')).toEqual([
      [50, 'committed'],
    ]);
    expect((await replica(0).callStore.load(callId, signal))?.head.lastAsk).toBe(50);
    expect((await replica(1).callStore.pendingFacts(100, signal)).map(({ event }) => event.epoch)).toEqual([50]);
  });

  it('have their older holder told that they were taken', async () => {
    const heard: unknown[] = [];
    replica(0).join({ fence: (callId, epoch) => heard.push([callId, epoch]), interject: () => false });
    await untilListening();
    const callId = newCallId();
    await replica(0).callStore.take(callId, signal);
    await replica(1).callStore.take(callId, signal);
    await vi.waitFor(() => expect(heard).toEqual([[callId, 2]]), { timeout: 5_000 });
  });

  it('outlive the longest silence of a call, and their epoch with them', async () => {
    const callId = newCallId();
    await replica(0).callStore.take(callId, signal);
    await replica(0).callStore.commit(callId, 1, commitOf(1), signal);
    await fleet.pass(CALL_TTL_MS);
    // The sweep must find what it is to end.
    expect(await replica(1).callStore.list(signal)).toMatchObject([
      { callId, committedAt: fleet.clock.now() - CALL_TTL_MS },
    ]);
    expect((await replica(1).callStore.take(callId, signal)).epoch).toBe(2);
    await fleet.pass(CALL_TTL_MS);
    expect((await replica(2).callStore.load(callId, signal))?.head).toEqual(sampleHead(1));
    expect(await replica(2).callStore.list(signal)).toHaveLength(1);
    await fleet.pass(CALL_TTL_MS);
    expect(await replica(2).callStore.load(callId, signal)).toBeUndefined();
    expect(await replica(2).callStore.list(signal)).toEqual([]);
  });

  it('leave no key behind that never expires', async () => {
    const callId = newCallId();
    await replica(0).callStore.take(callId, signal);
    await replica(0).callStore.commit(callId, 1, commitOf(1), signal);
    await replica(0).callStore.remove(callId, signal);
    const lasting = await withClient(fleet.url, async (redis) => {
      const keys = await redis.keys(`${fleet.prefix}*${callId}*`);
      return Promise.all(keys.map((key) => redis.pttl(key)));
    });
    expect(lasting).toHaveLength(1);
    expect(Math.min(...lasting)).toBeGreaterThan(CALL_TTL_MS);
  });

  it('take as many utterances at once as a long call has', async () => {
    const callId = newCallId();
    const { callStore } = replica(0);
    await callStore.take(callId, signal);
    const appended = Array.from({ length: 12_000 }, (_, index) => ({
      index,
      role: 'user' as const,
      content: `${index}`,
    }));
    expect(await callStore.commit(callId, 1, commitOf(1, { appended }), signal)).toBe('committed');
    expect((await callStore.load(callId, signal))?.utterances).toEqual(appended);
  });
});

describe('slots of a fleet', () => {
  it('are never more than the limit, whoever asks', async () => {
    const answers = await Promise.all(
      Array.from({ length: 90 }, (_, i) => replica(i).leases.acquire(`call-${i}`, 10, HELD_FOR_MS, signal)),
    );
    expect(answers.filter((answer) => answer === 'held')).toHaveLength(10);
    expect(await replica(1).leases.count(signal)).toBe(10);
    await fleet.clock.advance(HELD_FOR_MS);
    expect(await replica(2).leases.count(signal)).toBe(0);
  });

  it('keep what they had left over a time in which nobody could renew them', async () => {
    const { leases } = replica(0);
    await leases.beat(signal);
    await leases.acquire('old', 2, HELD_FOR_MS, signal);
    await fleet.clock.advance(2_000);
    await replica(1).leases.beat(signal);
    await fleet.clock.advance(60_000);
    expect(await leases.acquire('new', 1, HELD_FOR_MS, signal)).toBe('full');
    for (let left = HELD_FOR_MS - 2_000; left > 0; left -= 1_000) {
      expect(await leases.count(signal)).toBe(1);
      await fleet.clock.advance(1_000);
      await leases.beat(signal);
    }
    expect(await leases.count(signal)).toBe(0);
  });

  it('of a replica that died are freed in time while another is there', async () => {
    await replica(0).leases.acquire('of the dead', 1, HELD_FOR_MS, signal);
    for (let second = 0; second < 15; second++) {
      await replica(1).leases.beat(signal);
      await fleet.clock.advance(1_000);
    }
    expect(await replica(1).leases.acquire('new', 1, HELD_FOR_MS, signal)).toBe('held');
  });
});

describe('the event log of a fleet', () => {
  it('gives no delivery to two of many readers, and keeps the order of each call among them', async () => {
    const calls = Array.from({ length: 20 }, newCallId);
    const facts = [1, 2, 3, 4].flatMap((seq) => calls.map((callId) => sampleEvent(callId, seq)));
    // Three relays move the same outbox.
    await Promise.all([0, 1, 2].map((i) => replica(i).eventLog.publish(facts, signal)));
    const seen = new Map<string, number[]>();
    const reader = async (index: number) => {
      const { eventLog } = replica(index);
      for (let idle = 0; idle < 3; ) {
        const batch = await eventLog.read({ name: 'archive' }, 7, HELD_FOR_MS, signal);
        idle = batch.length === 0 ? idle + 1 : 0;
        for (const { id, event } of batch) {
          seen.set(event.callId, [...(seen.get(event.callId) ?? []), event.seq]);
          await eventLog.ack('archive', id, signal);
        }
      }
    };
    await Promise.all([0, 1, 2, 3, 4, 5].map(reader));
    // A reader may have found nothing just before the last was acknowledged.
    await reader(0);
    expect([...seen.values()]).toEqual(calls.map(() => [1, 2, 3, 4]));
  });

  it('takes a log over in pieces, for a group that begins late and cares for little', async () => {
    const callId = newCallId();
    for (let from = 0; from < 1_200; from += 300) {
      const facts = Array.from({ length: 300 }, (_, i) => sampleEvent(newCallId(), from + i));
      await replica(0).eventLog.publish(facts, signal);
    }
    const wanted = sampleEvent(callId, 1, { type: 'call.ended', reason: 'user_hangup' });
    await replica(0).eventLog.publish([wanted], signal);
    const group = { name: 'closer', types: ['call.ended'] } as const;
    expect((await replica(1).eventLog.read(group, 10, HELD_FOR_MS, signal)).map(({ event }) => event)).toEqual([
      wanted,
    ]);
  });

  it('keeps a dead letter with its Fault', async () => {
    const event = sampleEvent(newCallId(), 1);
    const { eventLog } = replica(0);
    await eventLog.publish([event], signal);
    const [delivery] = await eventLog.read({ name: 'archive' }, 1, HELD_FOR_MS, signal);
    const fault = new Fault('bug', 'test.poison', 'expected an event that can be handled, this one cannot');
    await eventLog.bury('archive', delivery?.id ?? '', fault, signal);
    const letters = await withClient(fleet.url, (redis) => redis.xrange(`${fleet.prefix}log-dead`, '-', '+'));
    expect(letters.map(([, fields]) => fields.slice(0, 10))).toEqual([
      [
        'group',
        'archive',
        'event',
        JSON.stringify(event),
        'kind',
        'bug',
        'reason',
        'test.poison',
        'message',
        fault.message,
      ],
    ]);
  });

  describe('once all that is known of it', () => {
    const FACTS = 150;
    const length = () => withClient(fleet.url, (redis) => redis.xlen(`${fleet.prefix}log`));
    const read = (group: string) => replica(0).eventLog.read({ name: group }, FACTS, HELD_FOR_MS, signal);
    const settle = async (group: string, many: number) => {
      const batch = (await read(group)).slice(0, many);
      await Promise.all(batch.map(({ id }, i) => replica(i).eventLog.ack(group, id, signal)));
    };
    const hoursLater = async () => {
      await fleet.pass(2 * 3_600_000);
      await replica(1).eventLog.publish([sampleEvent(newCallId(), 1)], signal);
    };
    beforeEach(async () => {
      await read('closer');
      await replica(0).eventLog.publish(
        Array.from({ length: FACTS }, () => sampleEvent(newCallId(), 1)),
        signal,
      );
      await settle('archive', FACTS);
    });

    it('is settled by all groups, is forgotten within hours', async () => {
      await settle('closer', FACTS);
      await fleet.pass(30 * 60_000);
      await replica(1).eventLog.publish([sampleEvent(newCallId(), 1)], signal);
      expect(await length()).toBe(FACTS + 1);
      await settle('archive', 1);
      await settle('closer', 1);
      await hoursLater();
      // Trimming leaves what shares a node of the stream with younger entries.
      expect(await length()).toBeLessThan(FACTS / 2);
    });

    it('was not read by one group, is kept for it', async () => {
      await hoursLater();
      expect(await length()).toBe(FACTS + 1);
      expect(await read('closer')).toHaveLength(FACTS);
    });

    it('was read by all groups and not settled by one, is kept for it', async () => {
      const [first] = await read('closer');
      await hoursLater();
      expect(await length()).toBe(FACTS + 1);
      expect((await read('closer')).map(({ id }) => id)).toContain(first?.id);
    });
  });

  it('forgets what is a week old, and goes on with what is not', async () => {
    const { eventLog } = replica(0);
    const old = newCallId();
    // Trimming leaves what shares a node of the stream with younger entries.
    for (let i = 0; i < 5; i++) {
      const facts = Array.from({ length: 200 }, (_, seq) => sampleEvent(old, i * 200 + seq));
      await eventLog.publish(facts, signal);
    }
    const [first] = await eventLog.read({ name: 'archive' }, 10, HELD_FOR_MS, signal);
    expect(first?.event.seq).toBe(0);
    await fleet.pass(8 * 86_400_000);
    const young = sampleEvent(newCallId(), 1);
    await eventLog.publish([young], signal);
    const left = await withClient(fleet.url, (redis) => redis.xlen(`${fleet.prefix}log`));
    expect(left).toBeLessThan(200);
    const batch = await eventLog.read({ name: 'archive' }, 10, HELD_FOR_MS, signal);
    expect(batch.map(({ event }) => event)).toContainEqual(young);
  });
});

/** The subscription is made beside: what is published before is not heard. */
function untilListening(): Promise<void> {
  return withClient(fleet.url, (redis) =>
    vi.waitFor(
      async () => {
        const [, listeners] = await redis
          .call('PUBSUB', 'NUMSUB', `${fleet.prefix}taken`)
          .then((reply) => reply as unknown[]);
        expect(listeners).toBe(1);
      },
      { timeout: 5_000 },
    ),
  );
}

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newCallId, sampleEvent } from '../../test/contracts/samples.ts';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import { memoryEventLog } from '../adapters/memory/event-log.ts';
import { memoryRecords } from '../adapters/memory/records.ts';
import type { EventLog } from '../ports/event-log.ts';
import { Fault } from '../std/fault.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { type FactSource, runRelay } from './relay.ts';

const signal = new AbortController().signal;
const down = () => Promise.reject(new Fault('unavailable', 'test.down', 'expected it to be up'));

describe('the relay', () => {
  let clock: ManualClock;
  let eventLog: EventLog;
  let stop: AbortController;
  let running: Promise<void>;
  beforeEach(() => {
    clock = new ManualClock();
    eventLog = memoryEventLog(clock);
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  const start = (sources: readonly FactSource[], log = eventLog, batch?: number) => {
    const options = { sources, eventLog: log, clock, log: silentLog, ...(batch !== undefined && { batch }) };
    running = runRelay(options, stop.signal);
  };
  const published = async () => (await eventLog.read({ name: 'test' }, 100, 0, signal)).map(({ event }) => event);

  it('moves what both outboxes hold, and then they hold it no more', async () => {
    const [callStore, records] = [memoryCallStore(clock), memoryRecords()];
    const [fromCall, fromWebhook] = [sampleEvent(newCallId(), 1), sampleEvent(newCallId(), 1)];
    await callStore.enqueue([fromCall], signal);
    const webhook = { key: 'k', event: 'call_ended', callId: fromWebhook.callId, signedAt: 1, receivedAt: 1, body: '' };
    await records.acceptWebhook(webhook, { facts: [fromWebhook], jobs: [] }, signal);
    start([callStore, records]);
    await clock.advance(0);
    expect(await published()).toEqual([fromCall, fromWebhook]);
    expect(await callStore.pendingFacts(1, signal)).toEqual([]);
    expect(await records.pendingFacts(1, signal)).toEqual([]);
  });

  it('keeps the order of a call over many batches, without waiting between full ones', async () => {
    const callStore = memoryCallStore(clock);
    const callId = newCallId();
    await callStore.enqueue(
      Array.from({ length: 25 }, (_, seq) => sampleEvent(callId, seq)),
      signal,
    );
    start([callStore], eventLog, 10);
    await clock.advance(0);
    for (let seq = 0; seq < 25; seq++) {
      const [delivery] = await eventLog.read({ name: 'test' }, 100, 1_000, signal);
      expect(delivery?.event.seq).toBe(seq);
      await eventLog.ack('test', delivery?.id ?? '', signal);
    }
  });

  it('publishes again what it could not forget, which the log stores once', async () => {
    const callStore = memoryCallStore(clock);
    const event = sampleEvent(newCallId(), 1);
    await callStore.enqueue([event], signal);
    let failures = 1;
    start([{ ...callStore, forgetFacts: (...args) => (failures-- > 0 ? down() : callStore.forgetFacts(...args)) }]);
    await clock.advance(2_000);
    expect(await callStore.pendingFacts(1, signal)).toEqual([]);
    expect(await published()).toEqual([event]);
    await clock.advance(1);
    expect(await published()).toEqual([event]);
  });

  it('leaves facts in their outbox while the log is away, and moves them when it is back', async () => {
    const callStore = memoryCallStore(clock);
    await callStore.enqueue([sampleEvent(newCallId(), 1)], signal);
    let isDown = true;
    start([callStore], { ...eventLog, publish: (...args) => (isDown ? down() : eventLog.publish(...args)) });
    await clock.advance(10_000);
    expect(await callStore.pendingFacts(1, signal)).toHaveLength(1);
    isDown = false;
    await clock.advance(1_000);
    expect(await published()).toHaveLength(1);
  });

  it('moves one outbox while the other cannot be read', async () => {
    const [callStore, records] = [memoryCallStore(clock), memoryRecords()];
    await callStore.enqueue([sampleEvent(newCallId(), 1)], signal);
    start([{ ...records, pendingFacts: down }, callStore]);
    await clock.advance(0);
    expect(await published()).toHaveLength(1);
  });
});

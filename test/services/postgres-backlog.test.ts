import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ports } from '../../src/variants/ports.ts';
import { type FaultProxy, startFaultProxy } from '../../tools/services/fault-proxy.ts';
import { newCallId, sampleEvent } from '../contracts/samples.ts';
import { signal } from '../contracts/subject.ts';
import { openReplica } from './distributed-rig.ts';
import { dropDatabase, newDatabase } from './postgres-subject.ts';

/** As many events as the archive has in hand at most. */
const AT_ONCE = 100;
/** A round trip to a Postgres elsewhere. */
const NETWORK_MS = 30;

let url: string;
let proxy: FaultProxy;
let ports: Ports;
beforeEach(async () => {
  url = await newDatabase();
  proxy = await startFaultProxy(Number(new URL(url).port));
  const through = new URL(url);
  through.port = String(proxy.port);
  ports = await openReplica(through.href);
});
afterEach(async () => {
  proxy.pass();
  await ports.close();
  await proxy.close();
  await dropDatabase(url);
});

const postgres = () => ports.dependencies().find(({ name }) => name === 'postgres');

/** Archives call after call, as many at once as the archive does, until it is told to stop. */
function archiveOn() {
  const { records, toolLedger } = ports;
  const refused: unknown[] = [];
  let archived = 0;
  let isOver = false;
  const archive = async () => {
    while (!isOver) {
      const callId = newCallId();
      const started = { ...sampleEvent(callId, 1), type: 'call.started', agent: 'desk', agentVersion: '1' } as const;
      try {
        await records.saveFact({ ...started, isProven: true }, signal);
        await records.facts(callId, signal);
        await toolLedger.forget(callId, signal);
        archived++;
      } catch (thrown) {
        refused.push(thrown);
        await setImmediate();
      }
    }
  };
  const working = Promise.all(Array.from({ length: AT_ONCE }, archive));
  return {
    get archived() {
      return archived;
    },
    refused,
    async stop() {
      isOver = true;
      await working;
    },
  };
}

describe('a backlog of the archive', () => {
  it('keeps neither tools nor webhooks nor orders waiting, and is no sign that Postgres is away', async () => {
    proxy.delay(NETWORK_MS);
    const backlog = archiveOn();
    const answers: unknown[] = [];
    /** How many calls were archived while an answer was waited for. */
    const meanwhile: number[] = [];
    for (let asked = 0; asked < 20; asked++) {
      const before = backlog.archived;
      const callId = newCallId();
      const webhook = { key: callId, event: 'call_started', callId, signedAt: 1, receivedAt: 2, body: '{}' };
      answers.push(
        (await ports.toolLedger.claim(callId, 'book', signal)).kind,
        await ports.records.acceptWebhook(webhook, { facts: [], jobs: [] }, signal),
        await ports.records.isNamed(callId, signal),
        await ports.dials.waiting(signal),
      );
      meanwhile.push(backlog.archived - before);
    }
    const before = backlog.archived;
    await backlog.stop();
    expect(answers).toEqual(Array.from({ length: 20 }, () => ['claimed', 'stored', true, 0]).flat());
    // There was a backlog all the time, and nobody waited behind it.
    expect(backlog.archived - before).toBe(AT_ONCE);
    expect(Math.max(...meanwhile)).toBeLessThan(AT_ONCE);
    expect(backlog.refused).toEqual([]);
    expect(postgres()).toEqual({ name: 'postgres', state: 'closed', hasAnswered: true });
  });
});

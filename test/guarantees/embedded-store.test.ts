import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Embedded, openEmbedded } from '../../src/adapters/sqlite/embedded.ts';
import type { CallId } from '../../src/call/call.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLog } from '../../src/std/log.ts';
import { seededRandom } from '../../src/std/random.ts';
import { newCallId, sampleEvent } from '../contracts/samples.ts';

const WRITER = fileURLToPath(new URL('./embedded-store-writer.ts', import.meta.url));
const ROUNDS = 8;
const signal = new AbortController().signal;

/** The highest number of each kind that the writer said was acknowledged. */
type Acknowledged = Readonly<Record<string, number>>;

describe('kill -9 of the process that writes the embedded stores', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'offhook-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('loses nothing that was acknowledged, tears nothing that was not, and opens again at once', async () => {
    const seed = Math.floor(systemClock.wall());
    const random = seededRandom(seed);
    const total = { committed: 0, accepted: 0 };
    for (let round = 1; round <= ROUNDS; round++) {
      const [liveCall, recordedCall] = [newCallId(), newCallId()];
      const acknowledged = await writeUntilKilled(dir, [liveCall, recordedCall], 20 + Math.floor(random() * 800));
      total.committed += acknowledged.committed ?? 0;
      total.accepted += acknowledged.accepted ?? 0;
      const stores = await openEmbedded(dir, systemClock, silentLog, signal);
      try {
        await checkLive(stores, liveCall, acknowledged);
        await checkRecords(stores, recordedCall, acknowledged);
      } catch (thrown) {
        throw new Error(`round ${round} of seed ${seed}`, { cause: thrown });
      } finally {
        await stores.close();
      }
    }
    expect(total.committed).toBeGreaterThan(ROUNDS * 10);
    expect(total.accepted).toBeGreaterThan(ROUNDS * 2);
  });
});

/** Runs the writer and kills it after so many acknowledgements; what it said before it died counts to the end. */
async function writeUntilKilled(dir: string, calls: readonly CallId[], lines: number): Promise<Acknowledged> {
  const writer = spawn(process.execPath, [WRITER, dir, ...calls], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(writer, 'exit');
  const acknowledged: Record<string, number> = {};
  let seen = 0;
  for await (const line of createInterface({ input: writer.stdout })) {
    const [what = '', n] = line.split(' ');
    acknowledged[what] = Number(n);
    if (++seen === lines) writer.kill('SIGKILL');
  }
  expect(await exited).toEqual([null, 'SIGKILL']);
  return acknowledged;
}

async function checkLive({ callStore, toolLedger }: Embedded, callId: CallId, acknowledged: Acknowledged) {
  const { committed = 0, claimed = 0, settled = 0 } = acknowledged;
  const { epoch, stored } = await callStore.take(callId, signal);
  expect(epoch).toBe(2);
  const turns = stored?.head.lastAsk ?? 0;
  expect(turns).toBeGreaterThanOrEqual(committed);
  // Head, words and facts of a commit are there together or not at all.
  const numbers = Array.from({ length: turns }, (_, i) => i + 1);
  expect(stored?.utterances.map(({ content }) => content)).toEqual(numbers.map((n) => `words of turn ${n}`));
  const facts = await callStore.pendingFacts(1_000_000, signal);
  const seqs = facts.filter(({ event }) => event.callId === callId).map(({ event }) => event.seq);
  expect(seqs).toEqual(numbers.flatMap((n) => [2 * n + 1, 2 * n + 2]));

  for (let n = 1; n <= claimed; n++) {
    const claim = await toolLedger.claim(callId, `tool ${n}`, signal);
    if (n <= settled) expect(claim).toEqual({ kind: 'done', content: `result ${n}` });
    else expect(claim.kind).not.toBe('claimed');
  }
}

async function checkRecords({ records, eventLog }: Embedded, callId: CallId, acknowledged: Acknowledged) {
  const { accepted = 0, published = 0 } = acknowledged;
  for (let n = 1; n <= accepted; n++) {
    const webhook = { key: `${callId} ${n}`, event: 'call_started', callId, signedAt: n, receivedAt: n, body: '{}' };
    expect(await records.acceptWebhook(webhook, { facts: [sampleEvent(callId, n)], jobs: [] }, signal)).toBe(
      'duplicate',
    );
  }
  const pending = await records.pendingFacts(1_000_000, signal);
  const seqs = pending.filter(({ event }) => event.callId === callId).map(({ event }) => event.seq);
  expect(seqs.length).toBeGreaterThanOrEqual(accepted);
  expect(seqs).toEqual(seqs.map((_, i) => i + 1));

  for (let n = 1; n <= published; n++) {
    const delivered = await eventLog.read({ name: 'check' }, 100, 1_000_000, signal);
    const mine = delivered.filter(({ event }) => event.callId === callId);
    expect(mine.map(({ event }) => event.seq)).toEqual([n]);
    for (const { id } of mine) await eventLog.ack('check', id, signal);
  }
}

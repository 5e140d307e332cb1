import { writeSync } from 'node:fs';
import { openEmbedded } from '../../src/adapters/sqlite/embedded.ts';
import { type CallId, parseCallId } from '../../src/call/call.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLog } from '../../src/std/log.ts';
import { sampleEvent, sampleHead } from '../contracts/samples.ts';

// The process that embedded-store.test.ts kills: it writes to every store without a pause, and after each write that
// was acknowledged says so on its standard output, without a buffer.
const [dir = '', ...names] = process.argv.slice(2);
const [liveCall, recordedCall] = names.map(toCallId);
if (!liveCall || !recordedCall) throw new Error('expected a folder and two call ids');
const signal = new AbortController().signal;
const { callStore, toolLedger, records, eventLog } = await openEmbedded(dir, systemClock, silentLog, signal);
// The archive is loaded with the first question to it: from here on both are written at once.
await records.isNamed(recordedCall, signal);
await Promise.all([writeLive(liveCall), writeRecords(recordedCall)]);

async function writeLive(callId: CallId): Promise<void> {
  const { epoch } = await callStore.take(callId, signal);
  for (let n = 1; ; n++) {
    const appended = [{ index: n, role: 'user', content: `words of turn ${n}` }] as const;
    const facts = [1, 2].map((i) => sampleEvent(callId, 2 * n + i, undefined, epoch));
    await callStore.commit(callId, epoch, { head: sampleHead(n), appended, facts }, signal);
    say('committed', n);
    await toolLedger.claim(callId, `tool ${n}`, signal);
    say('claimed', n);
    await toolLedger.settle(callId, `tool ${n}`, `result ${n}`, signal);
    say('settled', n);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

async function writeRecords(callId: CallId): Promise<void> {
  for (let n = 1; ; n++) {
    const webhook = { key: `${callId} ${n}`, event: 'call_started', callId, signedAt: n, receivedAt: n, body: '{}' };
    await records.acceptWebhook(webhook, { facts: [sampleEvent(callId, n)], jobs: [] }, signal);
    say('accepted', n);
    await eventLog.publish([sampleEvent(callId, n)], signal);
    say('published', n);
  }
}

function say(what: string, n: number): void {
  writeSync(1, `${what} ${n}\n`);
}

function toCallId(name: string): CallId {
  const callId = parseCallId(name);
  if (!callId) throw new Error('expected a call id');
  return callId;
}

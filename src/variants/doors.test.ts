import { afterEach, expect, it } from 'vitest';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import { memoryDials } from '../adapters/memory/dials.ts';
import { memoryEventLog } from '../adapters/memory/event-log.ts';
import { memoryJobs } from '../adapters/memory/jobs.ts';
import { memoryLeases } from '../adapters/memory/leases.ts';
import { memoryRecords } from '../adapters/memory/records.ts';
import { memoryReplyCache } from '../adapters/memory/reply-cache.ts';
import { memoryToolLedger } from '../adapters/memory/tool-ledger.ts';
import { defineAgent } from '../agent/agent.ts';
import { signed } from '../servers/house.fixture.ts';
import { dial, frame, TEXT } from '../servers/raw-peer.fixture.ts';
import { systemClock as clock } from '../std/clock.ts';
import { silentLog } from '../std/log.ts';
import { Secret } from '../std/secret.ts';
import { assemble } from './assemble.ts';
import type { Config } from './config.ts';
import { openDoors } from './doors.ts';
import type { Ports } from './ports.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const agent = defineAgent({ name: 'desk', greeting: 'Hello.', instructions: 'Be kind.' });
const config: Config = {
  variant: 'single',
  host: '127.0.0.1',
  port: 0,
  adminPort: 0,
  dataDir: '/nowhere',
  maxCalls: 10,
  dialsPerSecond: 1,
  hooks: {},
  drainMs: 0,
  drain: 'together',
  strictAgents: false,
  logLevel: 'silent',
  apiKeys: [],
  socketSecrets: [],
  redisUrl: undefined,
  databaseUrl: undefined,
  retell: { apiKey: undefined, baseUrl: undefined },
  openai: { apiKey: undefined, baseUrl: '', model: '' },
  isLoopback: true,
  file: undefined,
  webhookKeys: [new Secret('key_one')],
  agents: [agent],
  defaultAgent: 'desk',
  trustsEveryCall: false,
};

/** The doors of a house over memory, in which nobody vouches for a call but its webhooks. */
async function given() {
  const ports: Ports = {
    callStore: memoryCallStore(clock),
    toolLedger: memoryToolLedger(),
    leases: memoryLeases(clock),
    replyCache: memoryReplyCache(clock),
    eventLog: memoryEventLog(clock),
    records: memoryRecords(),
    jobs: memoryJobs(clock),
    dials: memoryDials(clock),
    callControl: undefined,
    model: undefined,
    dependencies: () => [],
    notReadyBecause: () => [],
    join: () => ({ interject: async () => false }),
    warmUp: async () => {},
    close: async () => {},
  };
  const house = await assemble(config, ports, clock, silentLog, new AbortController().signal);
  const doors = await openDoors(config, house, clock, silentLog);
  closing.push(async () => {
    await house.roster.drain(0);
    await doors.close();
    house.toolDesk.close();
  });
  return { roster: house.roster, webhooks: doors.urls.webhooks, port: Number(new URL(doors.urls.webhooks).port) };
}

it('tells a call and its socket of the webhook that vouches for them', async () => {
  const { roster, webhooks, port } = await given();
  const peer = await dial(port, '/llm-websocket/call_1_aaaa');
  await expect.poll(() => roster.list()).toMatchObject([{ isProven: false }]);
  const body = '{"event":"call_started","call":{"call_id":"call_1_aaaa"}}';
  expect((await fetch(webhooks, { method: 'POST', body, headers: signed(body) })).status).toBe(204);
  await expect.poll(() => roster.list()).toMatchObject([{ isProven: true }]);
  // A socket that nobody vouches for is let go of for as much.
  for (let i = 0; i < 500; i++) peer.send(frame({ opcode: TEXT, payload: '{}' }));
  peer.send(frame({ opcode: TEXT, payload: '{"interaction_type":"ping_pong","timestamp":7}' }));
  await expect.poll(() => peer.answer().includes('"timestamp":7')).toBe(true);
});

import { afterEach, expect, it } from 'vitest';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import { memoryLeases } from '../adapters/memory/leases.ts';
import { memoryRecords } from '../adapters/memory/records.ts';
import { defineAgent } from '../agent/agent.ts';
import { systemClock } from '../std/clock.ts';
import { openHouse } from './house.fixture.ts';
import { dial, frame, TEXT } from './raw-peer.fixture.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const house of opened.splice(0)) await house.close();
});

const agent = defineAgent({ name: 'desk', greeting: 'Hello.', instructions: 'Be kind.' });

async function given(options: Parameters<typeof openHouse>[1] = {}) {
  const ports = {
    agents: [agent],
    defaultAgent: agent,
    callStore: memoryCallStore(systemClock),
    leases: memoryLeases(systemClock),
    records: memoryRecords(),
  };
  const house = await openHouse(ports, options);
  opened.push(house);
  return house;
}

it('serves Retell on one port and its operators on another', async () => {
  const { base, admin, port, adminPort, texts } = await given();
  expect(port).not.toBe(adminPort);
  expect((await fetch(`${base}/ready`)).status).toBe(200);
  expect((await fetch(`${admin}/ready`)).status).toBe(200);
  expect((await fetch(`${admin}/webhooks/retell`, { method: 'POST' })).status).toBe(404);
  const peer = await dial(port, '/llm-websocket/call_1_aaaa');
  peer.send(frame({ opcode: TEXT, payload: 'words' }));
  await expect.poll(() => texts).toEqual(['words']);
});

it('proves a call at the door when a signed webhook names it', async () => {
  const { port, post, done, texts } = await given({ door: { trustsEveryCall: false } });
  const peer = await dial(port, '/llm-websocket/call_1_aaaa');
  await post('/webhooks/retell', '{"event":"call_started","call":{"call_id":"call_1_aaaa"}}');
  expect(done).toContain('prove call_1_aaaa');
  // Whom nobody vouches for is let go of for less.
  for (let i = 0; i < 500; i++) peer.send(frame({ opcode: TEXT, payload: 'x' }));
  await expect.poll(() => texts).toHaveLength(500);
  expect((await dial(port, '/llm-websocket/call_1_aaaa')).status).toBe(101);
});

it('closes without a close frame to anybody, and only once', async () => {
  const house = await given();
  const peer = await dial(house.port, '/llm-websocket/call_1_aaaa');
  await Promise.all([house.close(), house.close()]);
  expect(await peer.closed).toBe(1006);
  await expect(fetch(`${house.base}/live`)).rejects.toThrow();
  await expect(fetch(`${house.admin}/live`)).rejects.toThrow();
});

it('opens neither port when one is taken', async () => {
  const first = await given();
  await expect(given({ servers: { port: first.port, adminPort: 0 } })).rejects.toMatchObject({
    reason: 'port.in_use',
    fixes: [expect.stringContaining('PORT'), expect.any(String)],
  });
  await expect(given({ servers: { adminPort: first.adminPort } })).rejects.toMatchObject({
    reason: 'port.in_use',
    fixes: [expect.stringContaining('OFFHOOK_ADMIN_PORT'), expect.any(String)],
  });
});

it('leaves no secret of a path in the log', async () => {
  const { port, logged } = await given({ door: { secrets: ['hush-hush'], accept: () => undefined } });
  await dial(port, '/llm-websocket/hush-hush/call_1_aaaa');
  await dial(port, '/llm-websocket/hush-hush/bad');
  await dial(port, '/llm-websocket/hush-husk/call_1_aaaa');
  expect(logged.join('\n')).not.toContain('hush');
});

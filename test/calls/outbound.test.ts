import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeRetell, startFakeRetell } from '../../src/simulator/stubs/fake-retell.ts';
import { startHouse, type TestHouse } from './house.ts';
import { dial, type Phone } from './phone.ts';

const API_KEY = 'test-api-key';
const order = { fromNumber: '+15550100', toNumber: '+15550142' };

let retell: FakeRetell;
let house: TestHouse;
const phones: Phone[] = [];

beforeEach(async () => {
  retell = await startFakeRetell({ apiKey: 'key_test' });
  house = await startHouse({
    env: {
      RETELL_API_KEY: 'key_test',
      RETELL_BASE_URL: retell.url,
      OFFHOOK_API_KEY: API_KEY,
      OFFHOOK_MAX_CALLS: '2',
    },
  });
});

afterEach(async () => {
  for (const phone of phones.splice(0)) phone.hangUp();
  await house.close();
  await retell.close();
});

async function request(method: string, path: string, body?: object, key: string | undefined = API_KEY, orderId = '') {
  const response = await fetch(`${house.url}/api/v1${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(key && { authorization: `Bearer ${key}` }),
      ...(orderId && { 'idempotency-key': orderId }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('placing calls', () => {
  it('dials once, and queues what is above capacity with its place in the line', async () => {
    const answers = [];
    for (let index = 0; index < 4; index++) answers.push(await request('POST', '/calls', order));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 202, 202]);
    expect(answers.map(({ body }) => body.state)).toEqual(['placed', 'placed', 'queued', 'queued']);
    expect(answers.slice(2).map(({ body }) => body.position)).toEqual([1, 2]);
    expect(retell.dials()).toHaveLength(2);
  });

  it('dials the next in line when a call ends', async () => {
    const first = await request('POST', '/calls', order);
    await request('POST', '/calls', order);
    const third = await request('POST', '/calls', order);
    await request('POST', `/calls/${first.body.callId}/end`);
    await expect.poll(() => retell.dials().length, { timeout: 10_000 }).toBe(3);
    await expect
      .poll(async () => (await request('GET', `/calls/${third.body.id}`)).body.state, { timeout: 10_000 })
      .toBe('placed');
  });

  it('never dials a person twice, whatever Retell answers after the phone has rung', async () => {
    retell.failNext({ kind: 'status', status: 500 });
    const answer = await request('POST', '/calls', order);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.body.code).toBe('retell.outcome_unknown');
    expect(retell.dials()).toHaveLength(1);
  });

  it('finds the call of a dial whose outcome nobody heard, and says so to whoever orders it again', async () => {
    retell.failNext({ kind: 'reset' });
    const again = () => request('POST', '/calls', order, API_KEY, 'order-1');
    expect((await again()).body.code).toBe('retell.outcome_unknown');
    expect((await again()).body.state).toBe('unknown');
    await expect.poll(async () => (await again()).body.state, { timeout: 15_000 }).toBe('placed');
    expect((await again()).body.callId).toBe(retell.dials()[0]?.call_id);
    expect(retell.dials()).toHaveLength(1);
  });

  it('keeps those who wait when the process is killed, and dials them in the next one', async () => {
    for (let placed = 0; placed < 2; placed++)
      expect((await request('POST', '/calls', order)).body).toMatchObject({ state: 'placed' });
    const third = await request('POST', '/calls', { ...order, toNumber: '+15550143' }, API_KEY, 'order-3');
    expect(third.body).toMatchObject({ state: 'queued' });
    await house.kill();
    await house.start();
    await expect.poll(() => retell.dials().length, { timeout: 10_000 }).toBe(3);
    expect(retell.dials().at(-1)?.to_number).toBe('+15550143');
    await expect
      .poll(async () => (await request('GET', `/calls/${third.body.id}`)).body.state, { timeout: 5_000 })
      .toBe('placed');
  });

  it('dials nobody again whose process was killed while it dialled', async () => {
    retell.failNext({ kind: 'timeout' });
    const cut = request('POST', '/calls', order, API_KEY, 'order-1').catch(() => undefined);
    await expect.poll(() => retell.dials().length, { timeout: 5_000 }).toBe(1);
    await house.kill();
    await cut;
    await house.start();
    const again = await request('POST', '/calls', order, API_KEY, 'order-1');
    expect(again.body.state).toBe('dialling');
    const other = await request('POST', '/calls', { ...order, toNumber: '+15550143' });
    expect(other.body.state).toBe('placed');
    expect(retell.dials().map(({ to_number }) => to_number)).toEqual([order.toNumber, '+15550143']);
  });

  it('needs the key, on the admin port too', async () => {
    expect((await request('POST', '/calls', order, 'wrong')).status).toBe(401);
    const admin = await fetch(`${house.adminUrl}/api/v1/calls`, { method: 'POST', body: JSON.stringify(order) });
    expect(admin.status).toBe(401);
    expect(retell.dials()).toEqual([]);
  });
});

describe('an unproven call', () => {
  const call = (callId: string) => {
    const phone = dial(house.url, { callId });
    phones.push(phone);
    return phone;
  };

  it('may talk, and runs no once tool', async () => {
    const phone = call('call_unknown_to_retell');
    await phone.answerTo(0);
    expect(await phone.ask('hello')).toContain('You said hello.');
    await phone.ask('tool book {"time":"8pm"}');
    expect(house.effects()).toEqual([]);
  });

  it('is proven by asking Retell, and then runs it', async () => {
    const { call_id } = retell.add({
      call_id: 'call_known_to_retell',
      agent_id: 'agent_obedient',
      call_status: 'ongoing',
    });
    const phone = call(call_id);
    await phone.answerTo(0);
    await expect
      .poll(async () => (await request('GET', `/calls/${call_id}`)).body.isProven, { timeout: 5_000 })
      .toBe(true);
    expect(await phone.ask('tool book {"time":"8pm"}')).toContain('book at 20:00 is done');
    expect(house.effects()).toEqual(['book 20:00']);
  });
});

describe('speaking up', () => {
  it('says an operator words in the call, over what was being said', async () => {
    retell.add({ call_id: 'call_spoken_into', agent_id: 'agent_obedient', call_status: 'ongoing' });
    const phone = dial(house.url, { callId: 'call_spoken_into' });
    phones.push(phone);
    await phone.answerTo(0);
    expect((await request('POST', '/calls/call_spoken_into/say', { text: 'Your table is ready.' })).status).toBe(202);
    await phone.until('chunk', (event) => event.responseId === undefined && event.content.includes('table is ready'));
    expect(phone.breaches()).toEqual([]);
  });
});

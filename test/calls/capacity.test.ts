import { randomUUID } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { startHouse, type TestHouse } from './house.ts';
import { dial, type Phone, type PhoneOptions } from './phone.ts';

let house: TestHouse;
const phones: Phone[] = [];

afterEach(async () => {
  for (const phone of phones.splice(0)) phone.hangUp();
  await house.close();
});

function call(options: PhoneOptions = {}): Phone {
  const phone = dial(house.url, options);
  phones.push(phone);
  return phone;
}

const status = async () => (await fetch(`${house.adminUrl}/api/v1/status`)).json();
const isBusy = (phone: Phone) => phone.wordsFor(0).includes('All our lines are busy');

it('admits exactly ten of fifty at once; forty hear the busy line within 500 ms and are transferred', async () => {
  house = await startHouse();
  const all = Array.from({ length: 50 }, () => call());
  await Promise.all(all.map((phone) => phone.answerTo(0)));
  const refused = all.filter(isBusy);
  expect(refused).toHaveLength(40);
  for (const phone of refused) {
    const opened = await phone.until('opened');
    const busy = await phone.until('chunk', ({ responseId }) => responseId === 0);
    expect(busy.atMs - opened.atMs).toBeLessThan(500);
    await phone.until('acted', ({ action }) => action.kind === 'transfer');
  }
  const admitted = all.filter((phone) => !isBusy(phone));
  for (const phone of admitted) expect(await phone.ask('hello')).toContain('You said hello.');
  expect(await status()).toMatchObject({
    active: 10,
    capacity: 10,
    utilization: 1,
    refused: 40,
    models: [{ breaker: 'closed' }],
  });
  expect(all.flatMap((phone) => phone.breaches())).toEqual([]);
});

it('admits the redial of a live call at the limit', async () => {
  house = await startHouse({ env: { OFFHOOK_MAX_CALLS: '1' } });
  const phone = call();
  await phone.answerTo(0);
  phone.line.drop();
  const other = call();
  await phone.until('opened', ({ socket }) => socket > 1);
  await other.answerTo(0);
  expect(isBusy(other)).toBe(true);
  expect(await phone.ask('hello')).toContain('You said hello.');
});

it('admits the redial after the process was killed, and nobody else into its place', async () => {
  house = await startHouse({ env: { OFFHOOK_MAX_CALLS: '1' } });
  const phone = call();
  await phone.answerTo(0);
  await house.kill();
  await house.start();
  const other = call({ callId: `call_${randomUUID().replaceAll('-', '')}` });
  await other.answerTo(0);
  expect(isBusy(other)).toBe(true);
  expect(await phone.ask('hello')).toContain('You said hello.');
});

import { afterEach, beforeEach, expect, it } from 'vitest';
import { startHouse, type TestHouse } from './house.ts';
import { dial, type Phone } from './phone.ts';

let house: TestHouse;
let phone: Phone;

beforeEach(async () => {
  house = await startHouse();
  phone = dial(house.url);
  await phone.answerTo(0);
});

afterEach(async () => {
  phone.hangUp();
  await house.close();
});

it('SIGTERM lets the open turn finish, then lets go without a close frame, and the call goes on after a restart', async () => {
  const id = await phone.say('count 4 200');
  await phone.until('chunk', ({ content }) => content.includes('number 1'));
  expect(await house.terminate()).toBe(0);
  expect(phone.wordsFor(id)).toContain('number 4');
  expect((await phone.until('lost')).code).toBe(1006);
  await house.start();
  await phone.until('opened', ({ socket }) => socket > 1);
  expect(await phone.ask('hello')).toContain('You said hello.');
  expect(phone.breaches()).toEqual([]);
});

it('SIGTERM lets go of a quiet call at once', async () => {
  const before = Date.now();
  expect(await house.terminate()).toBe(0);
  expect(Date.now() - before).toBeLessThan(5_000);
  expect((await phone.until('lost')).code).toBe(1006);
});

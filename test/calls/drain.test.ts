import { afterEach, beforeEach, expect, it } from 'vitest';
import { DEFAULT_TIMINGS } from '../../src/simulator/line/timings.ts';
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

it('SIGTERM serves a quiet call for as long as another is busy, so that Retell’s three redials reach the restart', async () => {
  const quiet = dial(house.url, { timings: DEFAULT_TIMINGS });
  await quiet.answerTo(0);
  const id = await phone.say('count 9 1000');
  await phone.until('chunk', ({ content }) => content.includes('number 1'));
  const terminated = house.terminate();
  await expect.poll(() => fetch(`${house.url}/ready`).then(({ status }) => status)).toBe(503);
  expect(await quiet.ask('hello')).toContain('You said hello.');
  expect(phone.wordsFor(id)).not.toContain('number 9');
  expect(quiet.events.some(({ kind }) => kind === 'lost')).toBe(false);
  expect(await terminated).toBe(0);
  expect(phone.wordsFor(id)).toContain('number 9');
  await house.start();
  for (const one of [phone, quiet]) {
    await one.until('opened', ({ socket }) => socket > 1);
    expect(await one.ask('still there')).toContain('You said still there.');
    expect(one.breaches()).toEqual([]);
  }
  quiet.hangUp();
});

it('SIGTERM lets go of a call at once when no turn is open', async () => {
  const before = Date.now();
  expect(await house.terminate()).toBe(0);
  expect(Date.now() - before).toBeLessThan(5_000);
  expect((await phone.until('lost')).code).toBe(1006);
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startHouse, type TestHouse } from './house.ts';
import { dial, type Phone } from './phone.ts';

let house: TestHouse;
const phones: Phone[] = [];

beforeEach(async () => {
  house = await startHouse();
});

afterEach(async () => {
  for (const phone of phones.splice(0)) phone.hangUp();
  await house.close();
});

function call(...options: Parameters<typeof dial> extends [string, ...infer Rest] ? Rest : never): Phone {
  const phone = dial(house.url, ...options);
  phones.push(phone);
  return phone;
}

async function killAndRestart(): Promise<void> {
  await house.kill();
  await house.start();
}

const greetings = (phone: Phone) => phone.wordsFor(0).split('This is the test line speaking.').length - 1;

describe.each([
  { reissueAsk: 'no' },
  { reissueAsk: 'yes' },
] as const)('kill -9, with the open ask reissued: $reissueAsk', (switches) => {
  it('around the greeting never greets twice, and the call goes on', async () => {
    const phone = call({ switches });
    await phone.until('opened');
    await killAndRestart();
    await phone.until('opened', ({ socket }) => socket > 1);
    expect(await phone.ask('hello')).toContain('You said hello.');
    expect(greetings(phone)).toBeLessThanOrEqual(1);
    expect(phone.breaches()).toEqual([]);
  });

  it('while the caller thinks leaves nothing to notice', async () => {
    const phone = call({ switches });
    await phone.answerTo(0);
    await phone.ask('hello');
    await killAndRestart();
    await phone.until('opened', ({ socket }) => socket > 1);
    expect(await phone.ask('and again')).toContain('You said and again.');
    expect(greetings(phone)).toBe(1);
    expect(phone.breaches()).toEqual([]);
  });

  it('while the model thinks: the open ask is answered under its id', async () => {
    const phone = call({ switches });
    await phone.answerTo(0);
    const id = await phone.say('slow 1500');
    await phone.until('chunk', ({ content }) => content.includes('One moment'));
    await killAndRestart();
    expect(await phone.answerTo(id)).toContain('You said slow 1500.');
    expect(phone.breaches()).toEqual([]);
  });

  it('in mid-answer: the rest comes, and nothing comes twice', async () => {
    const phone = call({ switches });
    await phone.answerTo(0);
    const id = await phone.say('count 5 200');
    await phone.until('chunk', ({ content }) => content.includes('number 2'));
    await killAndRestart();
    const numbers = [...(await phone.answerTo(id)).matchAll(/sentence number (\d)/g)].map(([, number]) =>
      Number(number),
    );
    expect(numbers).toEqual([1, 2, 3, 4, 5]);
    expect(phone.breaches()).toEqual([]);
  });

  it('in mid-tool, before its effect: the caller is asked, and a yes runs it once', async () => {
    const phone = call({ switches });
    await phone.answerTo(0);
    const id = await phone.say('tool pay {"time":"8pm","beforeMs":2000}');
    await expect.poll(() => house.begun()).toEqual(['pay']);
    await killAndRestart();
    expect(await phone.answerTo(id)).toContain('Shall I try it again?');
    expect(house.effects()).toEqual([]);
    await phone.until('spoken', ({ responseId }) => responseId === id);
    expect(await phone.ask('yes, tool pay {"time":"20:00"}')).toContain('pay at 20:00 is done');
    expect(house.effects()).toEqual(['pay 20:00']);
  });

  it('after the effect: a tool that can look it up finds it, and it is not done again', async () => {
    const phone = call({ switches });
    await phone.answerTo(0);
    const id = await phone.say('tool charge {"time":"8pm","afterMs":5000}');
    await phone.until('toolCall');
    await expect.poll(() => house.effects()).toEqual(['charge 20:00']);
    await killAndRestart();
    expect(await phone.answerTo(id)).toContain('charge was found');
    expect(house.effects()).toEqual(['charge 20:00']);
    expect(phone.breaches()).toEqual([]);
  });

  it('after the effect, with nothing to look it up by: the caller is asked, and it is not done on a guess', async () => {
    const phone = call({ switches });
    await phone.answerTo(0);
    const id = await phone.say('tool pay {"time":"8pm","afterMs":5000}');
    await expect.poll(() => house.effects()).toEqual(['pay 20:00']);
    await killAndRestart();
    expect(await phone.answerTo(id)).toContain('Shall I try it again?');
    expect(house.effects()).toEqual(['pay 20:00']);
  });

  it('in a granted retry, after its effect: the caller is asked again, and it is done once', async () => {
    const phone = call({ switches });
    await phone.answerTo(0);
    const first = await phone.say('tool pay {"time":"8pm","beforeMs":5000}');
    await expect.poll(() => house.begun()).toEqual(['pay']);
    await killAndRestart();
    expect(await phone.answerTo(first)).toContain('Shall I try it again?');
    await phone.until('spoken', ({ responseId }) => responseId === first);
    const again = await phone.say('yes, tool pay {"time":"20:00","afterMs":5000}');
    await expect.poll(() => house.effects()).toEqual(['pay 20:00']);
    await killAndRestart();
    expect(await phone.answerTo(again)).toContain('Shall I try it again?');
    expect(house.effects()).toEqual(['pay 20:00']);
  });
});

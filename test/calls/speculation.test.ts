import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startHouse, type TestHouse } from './house.ts';
import { dial, type Phone, type PhoneOptions } from './phone.ts';

/** From the last word to the ask: as long as a judge of endings takes who wants to be sure. */
const GAP_MS = 700;
/** Far less than the gap, so that a busy machine drafts in time too. */
const MODEL_MS = 200;

let house: TestHouse;
const phones: Phone[] = [];

beforeAll(async () => {
  house = await startHouse();
});

afterEach(() => {
  for (const phone of phones.splice(0)) phone.hangUp();
});

afterAll(() => house.close());

async function call(agentId: string, hearing: PhoneOptions['hearing'] = { gapMs: GAP_MS }): Promise<Phone> {
  const phone = dial(house.url, { agentId, hearing });
  phones.push(phone);
  await phone.answerTo(0);
  return phone;
}

/** Says it, and answers with the ask's id, and with what the ask found done or begun: drafts and tools. */
async function said(phone: Phone, text: string) {
  const earlier = house.begun().length;
  let begunByAsk: readonly string[] = [];
  const stop = phone.line.listen(({ kind }) => {
    if (kind === 'asked') begunByAsk = house.begun().slice(earlier);
  });
  const id = await phone.say(text);
  stop();
  return { id, begunByAsk };
}

/** What the house counts, e.g. `offhook_speculations_total{outcome="adopted"}`. */
async function counted(name: string): Promise<number> {
  const text = await (await fetch(`${house.adminUrl}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(name));
  return Number(line?.split(' ').at(-1) ?? 0);
}
const adopted = () => counted('offhook_speculations_total{outcome="adopted"}');
const wasted = () => counted('offhook_speculations_total{outcome="wasted"}');

describe('an agent that speculates', () => {
  it('has drafted its answer by the time it is asked, and gives that one', async () => {
    const phone = await call('agent_eager');
    const words = `Please be slow ${MODEL_MS} now.`;
    const { id, begunByAsk } = await said(phone, words);
    expect(begunByAsk).toEqual(['drafted']);
    expect(await phone.answerTo(id)).toBe(`You said ${words}.`);
    expect(await adopted()).toBe(1);
    expect(phone.breaches()).toEqual([]);
  });

  it('runs a tool only once the words it is for were asked for', async () => {
    const phone = await call('agent_eager');
    const [before, effects] = [await adopted(), house.effects().length];
    const { id, begunByAsk } = await said(phone, 'Please use tool book {"time":"8pm"} now.');
    expect(begunByAsk).toEqual(['drafted']);
    expect(await phone.answerTo(id)).toContain('book at 20:00 is done');
    expect(house.effects()).toHaveLength(effects + 1);
    expect(await adopted()).toBe(before + 1);
    expect(phone.breaches()).toEqual([]);
  });

  it('answers what was asked where Retell had misheard it, and never what it had guessed', async () => {
    const phone = await call('agent_eager', { gapMs: 200, revisions: 1 });
    const [before, effects] = [await wasted(), house.effects().length];
    expect(await phone.ask('Please use tool book {"time":"9pm"} now.')).toContain('book at 21:00 is done');
    expect(house.effects()).toHaveLength(effects + 1);
    expect(await phone.ask('This is what I said.')).toBe('You said This is what I said..');
    expect(await wasted()).toBeGreaterThan(before);
    expect(phone.breaches()).toEqual([]);
  });
});

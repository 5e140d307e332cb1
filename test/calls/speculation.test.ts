import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startHouse, type TestHouse } from './house.ts';
import { dial, type Phone, type PhoneOptions } from './phone.ts';

/** From the last word to the ask: as long as a judge of endings takes who wants to be sure. */
const GAP_MS = 700;
const MODEL_MS = 600;

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

/** Says it, and answers with what came, and how long after the ask its first words came. */
async function timed(phone: Phone, text: string) {
  const id = await phone.say(text);
  const asked = await phone.until('asked', ({ responseId }) => responseId === id);
  const first = await phone.until('chunk', ({ responseId, content }) => responseId === id && content !== '');
  return { answer: await phone.answerTo(id), afterMs: first.atMs - asked.atMs };
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
  it('answers sooner than one that waits for the ask', async () => {
    const [waiting, eager] = await Promise.all([call('agent_obedient'), call('agent_eager')]);
    const words = `Please be slow ${MODEL_MS} now.`;
    const [late, soon] = await Promise.all([timed(waiting, words), timed(eager, words)]);
    expect(late.answer).toBe(`You said ${words}.`);
    expect(soon.answer).toBe(late.answer);
    expect(late.afterMs).toBeGreaterThanOrEqual(MODEL_MS);
    expect(soon.afterMs).toBeLessThan(MODEL_MS / 2);
    expect(await adopted()).toBe(1);
    expect([...waiting.breaches(), ...eager.breaches()]).toEqual([]);
  });

  it('runs a tool only once the words it is for were asked for', async () => {
    const phone = await call('agent_eager');
    const [before, effects] = [await adopted(), house.effects().length];
    const earlier = house.begun().length;
    let begunByAsk: readonly string[] = [];
    phone.line.listen(({ kind }) => {
      if (kind === 'asked') begunByAsk = house.begun().slice(earlier);
    });
    const id = await phone.say('Please use tool book {"time":"8pm"} now.');
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

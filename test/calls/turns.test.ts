import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startHouse, type TestHouse } from './house.ts';
import { dial, type Phone, type PhoneOptions } from './phone.ts';

let house: TestHouse;
const phones: Phone[] = [];

beforeAll(async () => {
  // Room for the calls of earlier tests: without their webhooks they keep their slots for 30 s.
  house = await startHouse({ env: { OFFHOOK_MAX_CALLS: '100' } });
});

afterEach(() => {
  for (const phone of phones.splice(0)) phone.hangUp();
});

afterAll(() => house.close());

/** A call that has been greeted. */
async function call(options: PhoneOptions = {}): Promise<Phone> {
  const phone = dial(house.url, options);
  phones.push(phone);
  await phone.answerTo(0);
  return phone;
}

const effectsOf = (name: string) => house.effects().filter((effect) => effect.startsWith(name)).length;

describe('barge-in', () => {
  it('stops the old answer at once and answers the new words', async () => {
    const phone = await call();
    const old = await phone.say('count 20 150');
    await phone.until('chunk', ({ content }) => content.includes('number 3'));
    const fresh = await phone.say('stop please');
    expect(await phone.answerTo(fresh)).toContain('You said stop please.');
    expect(phone.wordsFor(old)).not.toContain('number 9');
    expect(phone.breaches()).toEqual([]);
  });

  it('leaves words that were never spoken out of what the agent believes it said', async () => {
    const phone = await call();
    await phone.say('count 20 100');
    await phone.until('progress', ({ spokenWords }) => spokenWords >= 4);
    await phone.ask('hello');
    const spoken = phone.line.transcript().filter(({ role }) => role === 'agent');
    expect(spoken.some(({ content }) => content.includes('number 15'))).toBe(false);
  });
});

describe('a once tool', () => {
  it('asked for twice in a call acts once, and both hear its answer', async () => {
    const phone = await call();
    const before = effectsOf('book');
    expect(await phone.ask('tool book {"time":"8pm"}')).toContain('book at 20:00 is done');
    expect(await phone.ask('again, tool book {"time":"8pm"}')).toContain('book at 20:00 is done');
    expect(effectsOf('book')).toBe(before + 1);
  });

  it('asked for in other words acts once', async () => {
    const phone = await call();
    const before = effectsOf('book');
    await phone.ask('tool book {"time":"9pm"}');
    await phone.ask('I mean tool book {"time":"21:00"}');
    expect(effectsOf('book')).toBe(before + 1);
  });

  it('re-asked in mid-tool is joined: one effect, answered under the new id', async () => {
    const phone = await call();
    const before = effectsOf('order');
    const first = await phone.say('tool order {"time":"7pm","beforeMs":1200}');
    await phone.until('toolCall');
    const second = await phone.say('tool order {"time":"7pm","beforeMs":1200}');
    expect(second).toBeGreaterThan(first);
    expect(await phone.answerTo(second)).toContain('order at 19:00 is done');
    expect(effectsOf('order')).toBe(before + 1);
    expect(phone.breaches()).toEqual([]);
  });

  it('of request scope may be repeated on purpose once its answer was heard', async () => {
    const phone = await call();
    const before = effectsOf('order');
    const first = await phone.say('tool order {"time":"6pm"}');
    await phone.until('spoken', ({ responseId }) => responseId === first);
    await phone.ask('the same once more, tool order {"time":"6pm"}');
    expect(effectsOf('order')).toBe(before + 2);
  });

  it('that certainly did nothing says why, and may be asked for again', async () => {
    const phone = await call();
    expect(await phone.ask('tool book {"time":"3am"}')).toContain('we are closed at night');
  });

  it('survives a lost socket: the redialled call joins it', async () => {
    const phone = await call();
    const before = effectsOf('book');
    const id = await phone.say('tool book {"time":"5pm","beforeMs":1500}');
    await phone.until('toolCall');
    phone.line.drop();
    await phone.until('opened', ({ socket }) => socket > 1);
    expect(await phone.answerTo(id)).toContain('book at 17:00 is done');
    expect(effectsOf('book')).toBe(before + 1);
  });
});

describe('a model in trouble', () => {
  it('that is slow is covered by a filler within a second', async () => {
    const phone = await call();
    const id = await phone.say('slow 1200');
    const asked = phone.events.findLast((event) => event.kind === 'asked');
    const filler = await phone.until('chunk', (event) => event.responseId === id && event.content !== '');
    expect(filler.content).toContain('One moment');
    expect(filler.atMs - (asked?.atMs ?? 0)).toBeLessThan(1_000);
    expect(await phone.answerTo(id)).toContain('You said slow 1200.');
  });

  it('that hangs is given up with a line by six seconds', async () => {
    const phone = await call();
    expect(await phone.ask('hang')).toContain('Could you say it again?');
  });

  it('that throws is answered by the fallback line, and other calls do not notice', async () => {
    const [broken, sound] = await Promise.all([call({ agentId: 'agent_thrower' }), call()]);
    expect(await broken.ask('hello')).toContain('Could you say it again?');
    expect(await sound.ask('hello')).toBe('You said hello.');
  });
});

describe('a reminder', () => {
  it('is answered by its line, and after the last one the call ends with a goodbye', async () => {
    const phone = await call();
    await phone.ask('hello');
    expect(await phone.answerTo(await phone.remind())).toBe('Are you still there?');
    expect(await phone.answerTo(await phone.remind())).toContain('Goodbye');
    await phone.until('acted', ({ action }) => action.kind === 'end');
  });
});

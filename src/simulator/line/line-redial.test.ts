import { afterEach, describe, expect, it } from 'vitest';
import { greet } from '../stubs/sample-server.fixture.ts';
import { exchange, inTime, isEvent as is, sampleLines, wordsOn } from './sample-line.fixture.ts';

const lines = sampleLines();
afterEach(lines.close);

describe('a line whose socket is lost', () => {
  it('dials again under the same call id and goes on', async () => {
    const { line, events, breaches } = await lines.greeted({});
    const back = line.next((event) => event.kind === 'opened' && event.socket === 2, inTime());
    line.drop();
    await back;
    expect(await line.say('Still there?', inTime())).toBe(1);
    expect(events.filter(is('lost')).map(({ code }) => code)).toEqual([1006]);
    expect(breaches()).toEqual([]);
  });

  it('lets arrive what was under way before it breaks, since nobody knows whether Retell would repeat it', async () => {
    const { line, breaches } = await lines.greeted({});
    const spoken = line.next((event) => event.kind === 'spoken' && event.responseId === 1, inTime());
    await line.say('Can you hear me?', inTime());
    line.drop();
    await spoken;
    expect(line.transcript().at(-1)?.content).toBe('You said Can you hear me?. Is there more?');
    expect(breaches()).toEqual([]);
  });

  it('asks as soon as it is back when the caller spoke meanwhile', async () => {
    const { line } = await lines.greeted({});
    line.drop();
    expect(await line.say('Hello? Hello?', inTime())).toBe(1);
  });

  it.each([
    ['no', [1]],
    ['yes', [1, 1]],
  ] as const)('re-issues the open ask when the switch reissueAsk says %s', async (reissueAsk, ids) => {
    const { line, frames } = await lines.greeted({
      switches: { reissueAsk },
      behaviour: {
        onOpen: (session) => {
          greet(session);
          if (session.socketNumber === 2 && reissueAsk === 'no') session.answer(1, 'I am back.');
        },
        onAsk: (session, ask) => {
          if (session.socketNumber === 2) session.answer(ask.response_id, 'I am back.');
        },
      },
    });
    await line.say('Hello.', inTime());
    const spoken = line.next((event) => event.kind === 'spoken' && event.responseId === 1, inTime());
    line.drop();
    await spoken;
    const asked = frames.flatMap((frame) => ('response_id' in frame ? [frame.response_id] : []));
    expect(asked).toEqual(ids);
    expect(line.transcript().at(-1)?.content).toBe('I am back.');
  });

  it.each([
    ['silent', 1],
    ['spoken', 2],
  ] as const)('hears a second greeting or not, as the switch says (%s), and it is a breach', async (position, count) => {
    const { line, breaches } = await lines.greeted({
      switches: { secondGreeting: position },
      behaviour: {
        onOpen: (session) => {
          session.send({ response_type: 'config', config: { auto_reconnect: false, call_details: false } });
          session.answer(0, 'Good morning.');
        },
      },
    });
    const breach = line.next(is('breach'), inTime());
    line.drop();
    expect(await breach).toMatchObject({ breach: { rule: 'greeting.repeated' } });
    await line.say('Hello.', inTime());
    expect(wordsOn(line).filter((text) => text === 'agent: Good morning.').length).toBe(count);
    expect(breaches()).toEqual(['greeting.repeated']);
  });

  it('injects live context only in the position in which call_control has an effect', async () => {
    const { line } = await lines.greeted({ switches: { callControl: 'injects' } });
    const asked = line.next(is('asked'), inTime());
    line.inject('The caller is a member.', true);
    expect(await asked).toMatchObject({ responseId: 1 });
    line.hangUp();
    const other = await lines.greeted({});
    other.line.inject('The caller is a member.', true);
    expect(await other.line.say('Hello.', inTime())).toBe(1);
  });

  it('tells word for word in the position of updateRate that says so, and leaves out words where told', async () => {
    const { line, frames } = await lines.greeted({ switches: { updateRate: 'word', words: 'absent' } });
    await exchange(line, 'one two three');
    const last = frames
      .flatMap((frame) => ('transcript' in frame ? [frame.transcript] : []))
      .map((transcript) => transcript?.at(-1))
      .filter((utterance) => utterance?.role === 'user');
    expect(new Set(last.map((utterance) => utterance?.content))).toEqual(new Set(['one', 'one two', 'one two three']));
    expect(last.every((utterance) => utterance?.words === undefined)).toBe(true);
  });
});

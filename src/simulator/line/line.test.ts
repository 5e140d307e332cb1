import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../std/clock.ts';
import { greet } from '../stubs/sample-server.fixture.ts';
import { exchange, inTime, isEvent as is, SAMPLE_CALL_ID, sampleLines, wordsOn } from './sample-line.fixture.ts';

const LONG = 'This is a first sentence. And here comes another one, which is rather longer than the first was.';

const lines = sampleLines();
afterEach(lines.close);

describe('a line', () => {
  it('speaks the greeting, asks when the caller has spoken, and holds what was said in its transcript', async () => {
    const { line, breaches } = await lines.greeted({});
    const spoken = line.next((event) => event.kind === 'spoken' && event.responseId === 1, inTime());
    expect(await line.say('Is there a table for two?', inTime())).toBe(1);
    await spoken;
    expect(wordsOn(line)).toEqual([
      'agent: Good morning. How can I help?',
      'user: Is there a table for two?',
      'agent: You said Is there a table for two?. Is there more?',
    ]);
    expect(breaches()).toEqual([]);
  });

  it('sends partial transcripts that grow, with word timings in seconds of audio', async () => {
    const { line, frames } = await lines.greeted({});
    await exchange(line, 'one two three four five six seven');
    const partials = frames
      .filter((frame) => frame.interaction_type === 'update_only' && frame.turntaking === undefined)
      .map((frame) => ('transcript' in frame ? frame.transcript?.at(-1) : undefined))
      .filter((utterance) => utterance?.role === 'user');
    expect(partials.map((utterance) => utterance?.content)).toEqual([
      'one two three',
      'one two three four five six',
      'one two three four five six seven',
    ]);
    const timings = partials.at(-1)?.words?.map(({ start = 0, end = 0 }) => end - start) ?? [];
    expect(timings.length).toBe(7);
    for (const seconds of timings) expect(seconds).toBeCloseTo(0.4, 1);
  });

  it('marks the turns of the speakers', async () => {
    const { line, frames } = await lines.greeted({});
    const spoken = line.next((event) => event.kind === 'spoken' && event.responseId === 1, inTime());
    await line.say('hello there', inTime());
    await spoken;
    const marks = frames.flatMap((frame) => ('turntaking' in frame ? [frame.turntaking] : []));
    expect(marks).toEqual(['agent_turn', 'user_turn', 'agent_turn']);
  });

  it('sends call_details when the config asks for them', async () => {
    const { frames } = await lines.greeted({});
    expect(frames.find((frame) => frame.interaction_type === 'call_details')).toMatchObject({
      call: { call_id: SAMPLE_CALL_ID, agent_id: 'agent_1' },
    });
  });

  it('begins to speak at the first complete sentence, before the answer is complete', async () => {
    const { line, events } = await lines.greeted({
      behaviour: {
        onAsk: (session, ask) => {
          const say = (content: string, isComplete: boolean) =>
            session.send({
              response_type: 'response',
              response_id: ask.response_id,
              content,
              content_complete: isComplete,
            });
          say('One ', false);
          say('moment. And then', false);
          systemClock.after(50, () => say(' more', true));
        },
      },
    });
    const spoken = line.next((event) => event.kind === 'spoken' && event.responseId === 1, inTime());
    await line.say('hello', inTime());
    await spoken;
    const early = events.filter(is('progress')).find((event) => event.responseId === 1);
    expect(early).toMatchObject({ spokenWords: 2, isComplete: false });
    expect(line.transcript().at(-1)?.content).toBe('One moment. And then more');
  });

  it('keeps only what was heard when the caller talks over the agent', async () => {
    const { line, events, breaches } = await lines.greeted({
      behaviour: { onAsk: (session, ask) => session.answer(ask.response_id, LONG) },
      options: { speechRate: 20 },
    });
    const some = line.next((event) => event.kind === 'progress' && event.spokenWords >= 3, inTime());
    await line.say('Tell me something.', inTime());
    await some;
    expect(await line.say('Stop!', inTime())).toBe(2);
    const heard = line.transcript()[2]?.content ?? '';
    expect(LONG.startsWith(heard)).toBe(true);
    expect(heard.length).toBeGreaterThan(5);
    expect(heard.length).toBeLessThan(LONG.length);
    expect(line.transcript()[3]).toMatchObject({ role: 'user', content: 'Stop!' });
    expect(events.filter(is('interrupted')).at(-1)?.text).toBe(heard);
    expect(breaches()).toEqual([]);
  });

  it('lets content that forbids interruption be spoken to its end first', async () => {
    const { line } = await lines.greeted({
      behaviour: {
        onAsk: (session, { response_id }) =>
          session.send({
            response_type: 'response',
            response_id,
            content: LONG,
            content_complete: true,
            no_interruption_allowed: true,
          }),
      },
    });
    const some = line.next((event) => event.kind === 'progress' && event.responseId === 1, inTime());
    await line.say('Hello.', inTime());
    await some;
    await line.say('Stop!', inTime());
    expect(line.transcript()[2]?.content).toBe(LONG);
  });

  it('adds to the same utterance when the caller goes on before the agent has spoken, and asks anew', async () => {
    const { line, frames } = await lines.greeted({
      behaviour: { onAsk: (session, ask) => ask.response_id === 2 && session.answer(2, 'Certainly.') },
    });
    await line.say('I want a table', inTime());
    await exchange(line, 'for two');
    expect(frames.find((frame) => 'response_id' in frame && frame.response_id === 2)).toMatchObject({
      transcript: [{}, { content: 'I want a table for two' }],
    });
  });

  it('asks for a reminder when the caller stays silent, as often as the server set', async () => {
    const { line, events } = await lines.dial({
      options: { reminders: 'automatic', speechRate: 1000 },
      behaviour: {
        onOpen: (session) => {
          greet(session);
          session.send({ response_type: 'update_agent', agent_config: { reminder_max_count: 2 } });
        },
      },
    });
    const second = line.next((event) => event.kind === 'spoken' && event.responseId === 2, inTime());
    await second;
    expect(events.filter(is('asked')).map((event) => event.ask)).toEqual(['reminder', 'reminder']);
  });

  it('hangs up once the words before end_call were spoken', async () => {
    const { line, breaches } = await lines.greeted({
      behaviour: {
        onAsk: (session, { response_id }) =>
          session.send({
            response_type: 'response',
            response_id,
            content: 'Goodbye then.',
            content_complete: true,
            end_call: true,
          }),
      },
    });
    const over = line.next(is('over'), inTime());
    await line.say('Bye.', inTime());
    expect(await over).toMatchObject({ reason: 'agent_hangup' });
    expect(line.transcript().at(-1)?.content).toBe('Goodbye then.');
    expect(breaches()).toEqual([]);
  });

  it('cancels an action when the caller interrupts the words before it', async () => {
    const { line, events } = await lines.greeted({
      behaviour: {
        onAsk: (session, { response_id }) =>
          session.send({
            response_type: 'response',
            response_id,
            content: response_id === 1 ? LONG : 'Right.',
            content_complete: true,
            ...(response_id === 1 && { transfer_number: '+15550100' }),
          }),
      },
    });
    const some = line.next((event) => event.kind === 'progress' && event.responseId === 1, inTime());
    await line.say('A human, please.', inTime());
    await some;
    const spoken = line.next((event) => event.kind === 'spoken' && event.responseId === 2, inTime());
    await line.say('No, wait!', inTime());
    await spoken;
    expect(events.filter(is('acted'))).toEqual([]);
    expect(line.overReason).toBeUndefined();
  });

  it('transfers, presses digits at once when there are no words, and ends the call only for the former', async () => {
    const { line, breaches } = await lines.greeted({
      behaviour: {
        onAsk: (session, { response_id }) =>
          session.send({
            response_type: 'response',
            response_id,
            content: '',
            content_complete: true,
            ...(response_id === 1 ? { digit_to_press: '12' } : { transfer_number: '+15550100' }),
          }),
      },
    });
    const pressed = line.next(is('acted'), inTime());
    await line.say('Press twelve.', inTime());
    expect(await pressed).toMatchObject({ action: { kind: 'digits', digits: '12' } });
    const over = line.next(is('over'), inTime());
    await line.say('Now a human.', inTime());
    expect(await over).toMatchObject({ reason: 'call_transfer' });
    expect(breaches()).toEqual([]);
  });

  it('weaves tool calls and digits into the transcript when the config asks for it', async () => {
    const { line, frames } = await lines.greeted({
      behaviour: {
        onOpen: (session) => {
          session.send({
            response_type: 'config',
            config: { auto_reconnect: false, call_details: false, transcript_with_tool_calls: true },
          });
          session.answer(0, 'Hello.');
        },
        onAsk: (session, ask) => {
          const tool = { tool_call_id: 't_1' };
          session.send({ response_type: 'tool_call_invocation', ...tool, name: 'check', arguments: '{}' });
          session.send({ response_type: 'tool_call_result', ...tool, content: 'free', successful: true });
          session.answer(ask.response_id, 'It is free.');
        },
      },
    });
    const spoken = line.next((event) => event.kind === 'spoken' && event.responseId === 1, inTime());
    await line.pressDigit('4', inTime());
    await spoken;
    await exchange(line, 'Thanks.');
    const last = frames.findLast((frame) => frame.interaction_type === 'response_required');
    expect(last && 'transcript_with_tool_calls' in last ? last.transcript_with_tool_calls : []).toMatchObject([
      { role: 'agent', content: 'Hello.' },
      { role: 'dtmf', digit: '4' },
      { role: 'user', content: 'Pressed Button: 4' },
      { role: 'tool_call_invocation', name: 'check' },
      { role: 'tool_call_result', content: 'free' },
      { role: 'agent', content: 'It is free.' },
      { role: 'user', content: 'Thanks.' },
    ]);
  });

  it('lets the agent interrupt: the answer in flight is discarded and the new words are heard', async () => {
    const { line, breaches } = await lines.greeted({
      behaviour: {
        onAsk: (session, { response_id }) => {
          session.send({ response_type: 'response', response_id, content: 'I was. ', content_complete: false });
          session.send({
            response_type: 'agent_interrupt',
            interrupt_id: 1,
            content: 'One thing first.',
            content_complete: true,
            no_interruption_allowed: true,
          });
        },
      },
    });
    const spoken = line.next((event) => event.kind === 'spoken' && event.responseId === 1, inTime());
    await line.say('Hello.', inTime());
    await spoken;
    expect(line.transcript().at(-1)?.content).toBe('One thing first.');
    expect(breaches()).toEqual([]);
  });
});

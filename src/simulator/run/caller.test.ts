import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../std/clock.ts';
import { isEvent as is, type SampleLine, type SampleSetup, startSampleLine } from '../line/sample-line.fixture.ts';
import { type CallerOptions, type CallerStep, playScript } from './caller.ts';

const LONG = 'Here is a rather long answer. It goes on for quite some time, so that there is something to interrupt.';

let sample: SampleLine | undefined;
afterEach(() => sample?.close());

async function play(
  script: readonly CallerStep[],
  setup: SampleSetup = {},
  moved: Partial<CallerOptions> = {},
): Promise<SampleLine> {
  const made = await startSampleLine({ ...setup, options: { reminders: 'automatic', ...setup.options } });
  sample = made;
  const options = {
    clock: systemClock,
    speechRate: 40,
    pauseMs: () => 200,
    lostAfterMs: 5_000,
    patienceMs: 5_000,
    ...moved,
  };
  await playScript(made.line, script, options, AbortSignal.timeout(10_000));
  return made;
}

const longAnswers: SampleSetup = {
  behaviour: { onAsk: (session, ask) => session.answer(ask.response_id, LONG) },
};
const asks = ({ events }: SampleLine) => events.filter(is('asked')).map(({ ask }) => ask);
const said = ({ line }: SampleLine) => line.transcript().map(({ role, content }) => `${role}: ${content}`);

describe('a caller', () => {
  it('listens to the greeting, says their lines one after another, and hangs up after the last answer', async () => {
    const played = await play([
      { kind: 'say', text: 'Hello.' },
      { kind: 'say', text: 'Thank you.' },
    ]);
    expect(said(played)).toEqual([
      'agent: Good morning. How can I help?',
      'user: Hello.',
      'agent: You said Hello.. Is there more?',
      'user: Thank you.',
      'agent: You said Thank you.. Is there more?',
    ]);
    expect(played.line.overReason).toBe('user_hangup');
    expect(played.breaches()).toEqual([]);
  });

  it('talks over an answer at the given share of it', async () => {
    const played = await play(
      [
        { kind: 'say', text: 'Hello.' },
        { kind: 'bargeIn', atRatio: 0.5, text: 'Stop!' },
      ],
      longAnswers,
    );
    const interrupted = played.events.filter(is('interrupted')).map(({ text }) => text.split(' ').length);
    const words = LONG.split(' ').length;
    expect(interrupted.length).toBe(1);
    expect(interrupted[0]).toBeGreaterThanOrEqual(words * 0.5);
    expect(interrupted[0]).toBeLessThan(words);
    expect(asks(played)).toEqual(['response', 'response']);
  });

  it('goes on speaking before the answer, so that a newer ask comes', async () => {
    const played = await play([{ kind: 'reask', text: 'I want a table', afterMs: 100, more: 'for two.' }], {
      behaviour: { onAsk: (session, ask) => ask.response_id === 2 && session.answer(2, 'Certainly.') },
    });
    expect(said(played).slice(1)).toEqual(['user: I want a table for two.', 'agent: Certainly.']);
    expect(played.breaches()).toEqual([]);
  });

  it('stays silent until it is reminded', async () => {
    const played = await play([{ kind: 'silence' }, { kind: 'say', text: 'I am here.' }]);
    expect(asks(played)).toEqual(['reminder', 'response']);
  });

  it('does not wait for ever for a reminder the server has switched off', async () => {
    const played = await play([{ kind: 'silence' }, { kind: 'say', text: 'I am here.' }], {
      options: { reminders: 'off' },
    });
    expect(asks(played)).toEqual(['response']);
  });

  it('presses keys', async () => {
    const played = await play([{ kind: 'pressDigit', digit: '7' }]);
    expect(said(played)).toContain('user: Pressed Button: 7');
  });

  it.each(['listening', 'speaking'] as const)('goes on after the network broke while %s', async (phase) => {
    const played = await play(
      [
        { kind: 'say', text: 'Hello.' },
        { kind: 'drop', while: phase, afterMs: 5 },
        { kind: 'say', text: 'Still there?' },
      ],
      longAnswers,
    );
    expect(played.events.filter(is('opened')).length).toBe(2);
    expect(asks(played).length).toBe(2);
    expect(played.breaches()).toEqual([]);
  });

  it('asks again when the answer was lost with the socket', async () => {
    const played = await play(
      [
        { kind: 'say', text: 'Hello.' },
        { kind: 'drop', while: 'thinking', afterMs: 5 },
      ],
      { behaviour: { onAsk: (session, ask) => ask.response_id > 1 && session.answer(ask.response_id, 'I am.') } },
      { patienceMs: 100 },
    );
    expect(said(played).slice(-2)).toEqual(['user: Hello. Hello, are you still there?', 'agent: I am.']);
  });

  it('stops waiting for an answer that never comes', async () => {
    const played = await play(
      [
        { kind: 'say', text: 'Hello.' },
        { kind: 'say', text: 'Anybody?' },
      ],
      { behaviour: { onAsk: () => {} } },
      { lostAfterMs: 100 },
    );
    expect(asks(played).length).toBe(2);
    expect(played.line.overReason).toBe('user_hangup');
  });

  it('hangs up in the middle of an answer', async () => {
    const played = await play(
      [
        { kind: 'say', text: 'Hello.' },
        { kind: 'hangUp', afterMs: 10 },
        { kind: 'say', text: 'Never said.' },
      ],
      longAnswers,
    );
    expect(played.line.overReason).toBe('user_hangup');
    expect(asks(played).length).toBe(1);
  });

  it('stops when the agent ends the call', async () => {
    const played = await play(
      [
        { kind: 'say', text: 'Bye.' },
        { kind: 'say', text: 'Never said.' },
      ],
      {
        behaviour: {
          onAsk: (session, { response_id }) =>
            session.send({
              response_type: 'response',
              response_id,
              content: 'Bye.',
              content_complete: true,
              end_call: true,
            }),
        },
      },
    );
    expect(played.line.overReason).toBe('agent_hangup');
    expect(asks(played).length).toBe(1);
  });

  it('hangs up and rejects when the signal aborts', async () => {
    const made = await startSampleLine({ behaviour: { onAsk: () => {} } });
    sample = made;
    const controller = new AbortController();
    const reason = new Error('enough');
    const stop = made.line.listen((event) => event.kind === 'asked' && controller.abort(reason));
    const options = { clock: systemClock, speechRate: 40, pauseMs: () => 0, lostAfterMs: 5_000, patienceMs: 5_000 };
    await expect(playScript(made.line, [{ kind: 'say', text: 'Hello.' }], options, controller.signal)).rejects.toBe(
      reason,
    );
    stop();
    expect(made.line.overReason).toBe('user_hangup');
  });
});

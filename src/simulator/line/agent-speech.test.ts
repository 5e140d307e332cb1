import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../std/manual-clock.ts';
import { AgentSpeech } from './agent-speech.ts';

function speechOf() {
  const clock = new ManualClock(0);
  const told: string[] = [];
  const speech = new AgentSpeech({
    clock,
    wordMs: 100,
    phraseWords: 2,
    hooks: {
      began: () => told.push('began'),
      words: ({ words }) => told.push(words.join(' ')),
      progress: () => {},
      finished: (id, text, action) => told.push(`finished ${id}: ${text}${action ? ` + ${action.kind}` : ''}`),
      interrupted: (id, text) => told.push(`interrupted ${id}: ${text}`),
    },
  });
  const receive = (content: string, content_complete: boolean, more: object = {}) =>
    speech.receive({ content, content_complete, ...more });
  return { clock, told, speech, receive };
}

describe("the agent's speech", () => {
  it('waits for a whole sentence, then speaks, then waits for more', async () => {
    const { clock, told, receive } = speechOf();
    receive('One moment', false);
    await clock.advance(1_000);
    expect(told).toEqual([]);
    receive('. It', false);
    await clock.advance(1_000);
    expect(told).toEqual(['began', 'One moment.']);
    receive(' is free', true);
    await clock.advance(1_000);
    expect(told.slice(2)).toEqual(['It is', 'free', 'finished 0: One moment. It is free']);
  });

  it('has finished at once when there is nothing to say, action and all', () => {
    const { told, receive } = speechOf();
    receive('', true, { digit_to_press: '1' });
    expect(told).toEqual(['finished 0:  + digits']);
  });

  it('runs the action that weighs most', async () => {
    const { clock, told, receive } = speechOf();
    receive('Bye.', true, { transfer_number: '+15550100', end_call: true, digit_to_press: '1' });
    await clock.advance(100);
    expect(told.at(-1)).toBe('finished 0: Bye. + end');
  });

  it('says what had been heard when it is interrupted, and nothing after', async () => {
    const { clock, told, speech, receive } = speechOf();
    receive('one two three four five.', true, { end_call: true });
    await clock.advance(350);
    speech.interrupt();
    speech.interrupt();
    receive('six.', true);
    await clock.advance(1_000);
    expect(told).toEqual(['began', 'one two', 'three', 'interrupted 0: one two three']);
  });

  it('lets nothing of the id before be heard once it expects another', async () => {
    const { clock, told, speech, receive } = speechOf();
    receive('one two three four.', true);
    speech.expect(1);
    receive('five.', true);
    await clock.advance(1_000);
    expect(told).toEqual(['began', 'began', 'five.', 'finished 1: five.']);
  });

  it('may not be interrupted while it speaks what forbids it', async () => {
    const { clock, speech, receive } = speechOf();
    receive('One moment.', true, { no_interruption_allowed: true });
    expect(speech.mayBeInterrupted).toBe(false);
    await clock.advance(200);
    expect(speech.mayBeInterrupted).toBe(true);
  });
});

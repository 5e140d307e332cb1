import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../std/manual-clock.ts';
import { type Hearing, PERFECT_HEARING, UserSpeech } from './user-speech.ts';

/** A person who says a word every 100 ms; `drawn` are the random numbers, one after another, then 0.99. */
function personOf(hearing: Partial<Hearing>, drawn: readonly number[] = []) {
  const clock = new ManualClock(0);
  const told: string[] = [];
  const finished: number[] = [];
  const numbers = [...drawn];
  const person = new UserSpeech({
    clock,
    speechRate: 1,
    wordMs: 100,
    phraseWords: 1,
    hearing: { ...PERFECT_HEARING, ...hearing },
    random: () => numbers.shift() ?? 0.99,
    onWords: ({ words }, heardAs) => told.push(`${clock.now()}: ${heardAs ?? words.join(' ')}`),
    onFinished: () => finished.push(clock.now()),
  });
  return { clock, person, told, finished };
}

describe('a person on the line', () => {
  it('who is understood at once is asked about with the last word', async () => {
    const { clock, person, told, finished } = personOf({});
    person.say(['a', 'b']);
    await clock.advance(200);
    expect(told).toEqual(['100: a', '200: b']);
    expect(finished).toEqual([200]);
    expect(person.isSpeaking).toBe(false);
  });

  it('is asked about after the gap, and counts as speaking until then', async () => {
    const { clock, person, finished } = personOf({ gapMs: 300 });
    person.say(['a', 'b']);
    await clock.advance(499);
    expect([finished, person.isSpeaking]).toEqual([[], true]);
    await clock.advance(1);
    expect([finished, person.isSpeaking]).toEqual([[500], false]);
  });

  it('stops to think where the numbers say so, and goes on', async () => {
    const { clock, person, told, finished } = personOf({ pauses: 0.1 }, [0.5, 0, 0]);
    person.say(['a', 'b', 'c']);
    await clock.advance(2_000);
    expect(told).toEqual(['100: a', '200: b', '800: c']);
    expect(finished).toEqual([800]);
  });

  it('goes on without a pause from what they are still saying', async () => {
    const { clock, person, told, finished } = personOf({});
    person.say(['a', 'b']);
    await clock.advance(150);
    person.say(['c']);
    await clock.advance(5_000);
    expect(told).toEqual(['100: a', '200: b', '300: c']);
    expect(finished).toEqual([300]);
  });

  it('goes on without a pause from what they stopped to think about', async () => {
    const { clock, person, told, finished } = personOf({ pauses: 0.1 }, [0, 0]);
    person.say(['a', 'b']);
    await clock.advance(150);
    person.say(['c']);
    await clock.advance(5_000);
    expect(told).toEqual(['100: a', '700: b', '800: c']);
    expect(finished).toEqual([800]);
  });

  it('who goes on in the gap is asked about once, after all they said', async () => {
    const { clock, person, told, finished } = personOf({ gapMs: 300 });
    person.say(['a']);
    await clock.advance(300);
    person.say(['b']);
    await clock.advance(5_000);
    expect(told).toEqual(['100: a', '400: b']);
    expect(finished).toEqual([700]);
    expect(person.isSpeaking).toBe(false);
  });

  it('who says nothing in the gap is asked about all the same', async () => {
    const { clock, person, finished } = personOf({ gapMs: 300 });
    person.say(['a']);
    await clock.advance(200);
    person.say([]);
    await clock.advance(5_000);
    expect(finished).toEqual([400]);
  });

  it('is misheard: a sentence ends in mid-speech, a word at the end is another', async () => {
    const { clock, person, told } = personOf({ revisions: 0.1 }, [0, 0.5, 0]);
    person.say(['a', 'table', 'now?']);
    await clock.advance(300);
    expect(told).toEqual(['100: a.', '200: table', '300: no?']);
  });

  it('who is cut off is not asked about', async () => {
    const { clock, person, told, finished } = personOf({ gapMs: 300, pauses: 1 }, [0]);
    person.say(['a', 'b']);
    await clock.advance(150);
    person.stop();
    await clock.advance(5_000);
    expect([told, finished, person.isSpeaking]).toEqual([['100: a'], [], false]);
  });
});

import { describe, expect, it } from 'vitest';
import { Tape } from './tape.ts';

describe('a tape', () => {
  it('grows one utterance per stretch of speech, with times in seconds of audio', () => {
    const tape = new Tape(1_000, 10);
    tape.add('user', { words: ['book', 'a'], startedAt: 1_000 }, 40);
    tape.add('user', { words: ['table'], startedAt: 1_080 }, 40);
    tape.add('agent', { words: ['Sure.'], startedAt: 1_200 }, 40);
    expect(tape.transcript(true)).toEqual([
      {
        role: 'user',
        content: 'book a table',
        words: [
          { word: 'book', start: 0, end: 0.4 },
          { word: 'a', start: 0.4, end: 0.8 },
          { word: 'table', start: 0.8, end: 1.2 },
        ],
      },
      { role: 'agent', content: 'Sure.', words: [{ word: 'Sure.', start: 2, end: 2.4 }] },
    ]);
    expect(tape.transcript(false)[0]).toEqual({ role: 'user', content: 'book a table' });
  });

  it('begins a new utterance of the same role once sealed', () => {
    const tape = new Tape(0, 1);
    tape.add('agent', { words: ['Hello.'], startedAt: 0 }, 1);
    tape.seal();
    tape.add('agent', { words: ['Still', 'there?'], startedAt: 5 }, 1);
    expect(tape.transcript(false).map(({ content }) => content)).toEqual(['Hello.', 'Still there?']);
  });

  it('tells a misheard word, its time as it was, until it is corrected', () => {
    const tape = new Tape(0, 1);
    tape.add('user', { words: ['for', 'two'], startedAt: 0 }, 400);
    tape.mishear('you');
    expect(tape.transcript(true)[0]).toMatchObject({ content: 'for you', words: [{}, { word: 'you', start: 0.4 }] });
    tape.correct();
    tape.correct();
    tape.add('user', { words: ['please'], startedAt: 800 }, 400);
    expect(tape.transcript(false)).toEqual([{ role: 'user', content: 'for two please' }]);
  });

  it('weaves what is not speech in at its place', () => {
    const tape = new Tape(0, 1);
    tape.add('user', { words: ['one'], startedAt: 0 }, 1);
    tape.weave({ role: 'dtmf', digit: '1' });
    tape.add('agent', { words: ['two'], startedAt: 2 }, 1);
    expect(tape.woven().map(({ role }) => role)).toEqual(['user', 'dtmf', 'agent']);
    expect(tape.transcript(false).length).toBe(2);
  });
});

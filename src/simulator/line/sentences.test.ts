import { describe, expect, it } from 'vitest';
import { apologyTest, completeSentences, endOfSentences, fillerTest, wordsOf } from './sentences.ts';

describe('sentences', () => {
  it.each([
    ['', 0],
    ['One moment', 0],
    ['One moment.', 11],
    ['One moment. And', 11],
    ['Really?! "Yes."', 15],
    ['It costs 3.', 0],
    ['It costs 3.50 today', 0],
    ['It costs 3. Yes', 11],
    ['Ask for Dr. Smith', 0],
    ['Ask for Dr. Smith. Then', 18],
  ])('finds where the last complete sentence of %j ends', (text, end) => {
    expect(endOfSentences(text)).toBe(end);
  });

  it('takes the rest for a sentence only when nothing follows', () => {
    expect(completeSentences('One moment. And then', false)).toEqual(['One moment.']);
    expect(completeSentences('One moment. And then', true)).toEqual(['One moment.', 'And then']);
    expect(completeSentences('  ', true)).toEqual([]);
  });

  it('splits words at white space of any kind', () => {
    expect(wordsOf(' one\ttwo\n three ')).toEqual(['one', 'two', 'three']);
  });
});

describe('the filler test', () => {
  it("knows the agent's own lines, each of their sentences, whatever the punctuation", () => {
    const isFiller = fillerTest(['One second. I am looking.', 'Right away']);
    expect(['One second!', 'I am looking', 'right away.', 'One second. I am looking.'].map(isFiller)).toEqual(
      Array(4).fill(true),
    );
    expect(isFiller('One moment, please.')).toBe(false);
  });

  it('without lines takes short phrases that buy time, and nothing else', () => {
    const isFiller = fillerTest([]);
    for (const line of [
      'One moment, please.',
      'Just a second.',
      'Let me check that for you.',
      'Okay, let me see.',
      'Hold on.',
      "I'm still looking.",
    ]) {
      expect(isFiller(line), line).toBe(true);
    }
    for (const line of ['One table is free.', 'Let me know your name.', 'Yes.', 'A table for two it is.']) {
      expect(isFiller(line), line).toBe(false);
    }
  });
});

describe('apologies', () => {
  const isApology = apologyTest(['Sorry, I did not get that. Could you say it again?', ' … ']);

  it('are known as a whole answer, after a filler, and after an answer that was cut short', () => {
    expect(isApology('Sorry, I did not get that. Could you say it again?')).toBe(true);
    expect(isApology('One moment, please. sorry I did not get that – could you say it again')).toBe(true);
    expect(isApology('We open at. Sorry, I did not get that. Could you say it again? ')).toBe(true);
  });

  it('are not found in the middle of an answer, in parts, or where no line was given', () => {
    expect(isApology('Sorry, I did not get that. Could you say it again? A table for two, yes.')).toBe(false);
    expect(isApology('Could you say it again?')).toBe(false);
    expect(isApology('')).toBe(false);
    expect(apologyTest([])('Sorry.')).toBe(false);
  });
});

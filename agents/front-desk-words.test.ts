import { describe, expect, it } from 'vitest';
import { dateIn, isoDate, numberAlone, peopleIn, readTime, sayDate, sayTime, timeIn } from './front-desk-words.ts';

describe('what a guest says', () => {
  it.each([
    ['book a table for two at eight', 2, '20:00'],
    ['A table for 4 people at 7:30 pm, please.', 4, '19:30'],
    ['party of six, half past seven', 6, '19:30'],
    ['we are three, seven thirty', 3, '19:30'],
    ['at eight for two', 2, '20:00'],
    ['for eight p.m. for a couple', 2, '20:00'],
    ['quarter to nine, just me', 1, '20:45'],
    ["six o'clock, five of us", 5, '18:00'],
    ['a table for twelve at noon', 12, '12:00'],
    ['can I book a table', undefined, undefined],
    ['one of us is vegetarian', undefined, undefined],
  ])('%s', (text, people, time) => {
    expect([peopleIn(text), timeIn(text)]).toEqual([people, time]);
  });

  it.each([
    '8pm',
    '8 PM',
    '20:00',
    '8',
    'eight',
    'at eight',
    "eight o'clock",
    '8:00 p.m.',
    '20.00',
  ])('hears the same time in %s', (text) => {
    expect(readTime(text)).toBe('20:00');
  });

  it('hears no time where there is none', () => {
    expect(['soon', '25:00', '08:75', ''].map(readTime)).toEqual([undefined, undefined, undefined, undefined]);
    expect(readTime('08:00')).toBe('08:00');
  });

  it('takes a bare number for an answer', () => {
    expect([numberAlone('Four, please.'), numberAlone('for 4'), numberAlone('four or five')]).toEqual([
      4,
      4,
      undefined,
    ]);
  });

  it('hears days', () => {
    const saturday = new Date(2026, 10, 21, 18);
    expect(isoDate(saturday)).toBe('2026-11-21');
    expect(dateIn('tonight', saturday)).toBe('2026-11-21');
    expect(dateIn('tomorrow evening', saturday)).toBe('2026-11-22');
    expect(dateIn('next Friday', saturday)).toBe('2026-11-27');
    expect(dateIn('on saturday', saturday)).toBe('2026-11-21');
    expect(dateIn('2026-12-24', saturday)).toBe('2026-12-24');
    expect(dateIn('at eight', saturday)).toBeUndefined();
  });
});

describe('what the desk says', () => {
  it('says times and days as people do', () => {
    const saturday = new Date(2026, 10, 21, 18);
    expect(['20:00', '20:30', '19:15', '12:00', '20:45'].map(sayTime)).toEqual([
      'eight',
      'half past eight',
      'a quarter past seven',
      'noon',
      'a quarter to nine',
    ]);
    expect(['2026-11-21', '2026-11-22', '2026-11-27', '2026-12-24'].map((date) => sayDate(date, saturday))).toEqual([
      'tonight',
      'tomorrow',
      'on Friday',
      'on Thursday 24 December',
    ]);
  });
});

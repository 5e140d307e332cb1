import { describe, expect, it } from 'vitest';
import { anyNumber, collect, share, wholeNumber } from './usage.ts';

describe('flags', () => {
  it('read whole numbers within their range', () => {
    expect(['0', '7', '10'].map(wholeNumber(0, 10))).toEqual([0, 7, 10]);
    for (const text of ['11', '-1', '1.5', '', 'x', '1e1'])
      expect(() => wholeNumber(0, 10)(text)).toThrow(/whole number/);
  });

  it('read numbers with fractions', () => {
    expect(['0.5', '.5', '10'].map(anyNumber(0.1, 10))).toEqual([0.5, 0.5, 10]);
    for (const text of ['0', '11', 'x', '1.']) expect(() => anyNumber(0.1, 10)(text)).toThrow(/number from/);
  });

  it('read shares with and without a percent sign', () => {
    expect(['5%', '0.05', '100%', '1', '0'].map(share)).toEqual([0.05, 0.05, 1, 1, 0]);
    for (const text of ['101%', '1.1', 'half', '%', '']) expect(() => share(text)).toThrow(/share/);
  });

  it('collect what is given several times', () => {
    expect(collect('b', ['a'])).toEqual(['a', 'b']);
  });
});

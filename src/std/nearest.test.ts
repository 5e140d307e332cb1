import { describe, expect, it } from 'vitest';
import { nearest } from './nearest.ts';

describe('nearest', () => {
  const commands = ['start', 'talk', 'simulate'];

  it.each([
    ['strat', 'start'],
    ['tlak', 'talk'],
    ['simluate', 'simulate'],
    ['Simulat', 'simulate'],
    ['talks', 'talk'],
  ])('takes %s for %s', (typed, meant) => {
    expect(nearest(typed, commands)).toBe(meant);
  });

  it('makes no guess when nothing is near', () => {
    expect(nearest('deploy', commands)).toBeUndefined();
    expect(nearest('', commands)).toBeUndefined();
  });

  it('prefers the nearer of two', () => {
    expect(nearest('maxCal', ['maxCalls', 'maxCall'])).toBe('maxCall');
  });
});

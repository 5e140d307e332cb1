import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from './secret.ts';

describe('Secret', () => {
  const secret = new Secret('key_f3a9');

  it('gives its value when asked to', () => {
    expect(secret.reveal()).toBe('key_f3a9');
  });

  it('prints as *** in texts, JSON and inspections', () => {
    expect(`${secret}`).toBe('***');
    expect(`key ${secret}`).toBe('key ***');
    expect(JSON.stringify({ secret })).toBe('{"secret":"***"}');
    expect(inspect({ secret })).toBe('{ secret: *** }');
    expect(Object.values(secret)).toEqual([]);
  });
});

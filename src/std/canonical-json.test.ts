import { describe, expect, it } from 'vitest';
import { canonicalJson } from './canonical-json.ts';

describe('canonical JSON', () => {
  it('prints equal values equally, whatever the order they were written in', () => {
    expect(canonicalJson({ b: 1, a: { d: [1, 'x'], c: null } })).toBe('{"a":{"c":null,"d":[1,"x"]},"b":1}');
    expect(canonicalJson({ a: undefined, b: 1 })).toBe(canonicalJson({ b: 1 }));
    expect(canonicalJson(undefined)).toBe('null');
    expect(canonicalJson(new Set([1, 2]))).toBe(canonicalJson(new Set([2, 1])));
    const map = new Map(Object.entries({ a: 1, b: 2 }));
    expect(canonicalJson(map)).toBe(canonicalJson(new Map(Object.entries({ b: 2, a: 1 }))));
  });

  it.each([
    [new Date(0), new Date(1)],
    [1n, 2n],
    [new Set([1]), new Set([2])],
    [new Map([['a', 1]]), new Map([['a', 2]])],
    [{ at: new Date(0) }, { at: new Date(1) }],
    [['1'], [1]],
    [['a,b'], ['a', 'b']],
  ])('prints different values differently: %o and %o', (one, other) => {
    expect(canonicalJson(one)).not.toBe(canonicalJson(other));
  });
});

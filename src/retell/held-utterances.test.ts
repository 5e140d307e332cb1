import { describe, expect, it } from 'vitest';
import { cutFrame, findEnds, type HeldUtterances, holdUtterances } from './held-utterances.ts';

const HEAD = '{"transcript":[';

/** Holds a frame whose list has these items; each is `{…}` and stands for one utterance. */
function hold(held: HeldUtterances | undefined, ...items: readonly string[]): HeldUtterances | undefined {
  const bytes = Buffer.from(`${HEAD}${items.join(',')}]}`);
  const cut = cutFrame(bytes, HEAD, held);
  const ends: number[] = [];
  findEnds(bytes, cut.seam, ends);
  return holdUtterances(
    held,
    cut,
    ends,
    items.map((content) => ({ role: 'user', content })),
  );
}

function sharedWith(held: HeldUtterances | undefined, ...items: readonly string[]): number {
  return cutFrame(Buffer.from(`${HEAD}${items.join(',')}]}`), HEAD, held).shared;
}

describe('the utterances held of a frame', () => {
  it('are shared up to the last whole one that is the same', () => {
    const items = Array.from({ length: 9 }, (_, index) => `{"n":${index}}`);
    const held = hold(undefined, ...items);
    for (let changed = 0; changed < items.length; changed++) {
      expect(sharedWith(held, ...items.with(changed, '{"n":"x"}'))).toBe(changed);
      expect(sharedWith(held, ...items.slice(0, changed))).toBe(changed);
    }
    expect(sharedWith(held, ...items)).toBe(9);
    expect(sharedWith(held, ...items, '{}')).toBe(9);
    expect(sharedWith(undefined, ...items)).toBe(0);
  });

  it('do not end within one that has grown', () => {
    const held = hold(undefined, '{"a":[{}]}', '{"b":"}"}');
    expect(sharedWith(held, '{"a":[{},{}]}', '{"b":"}"}')).toBe(0);
    expect(sharedWith(held, '{"a":[{}]}', '{"b":"},{"}')).toBe(1);
  });

  it('are followed through frames that grow, shrink and change, in the same bytes where they fit', () => {
    let held = hold(undefined, '{"a":1}', '{"b":2}', '{"c":3}', '{"d":4}', '{"e":5}');
    const body = held?.body;
    held = hold(held, '{"a":1}', '{"b":2}', '{"c":30}', '{"d":4}');
    expect(held?.body).toBe(body);
    expect(held?.ends).toEqual([7, 15, 24, 32]);
    expect(held?.transcript.map(({ content }) => content)).toEqual(['{"a":1}', '{"b":2}', '{"c":30}', '{"d":4}']);
    held = hold(held, '{"a":1}', '{"b":2}', '{"c":30}', `{"d":"${'x'.repeat(99)}"}`, '{}');
    expect(held?.body).not.toBe(body);
    expect(sharedWith(held, '{"a":1}', '{"b":2}', '{"c":30}', `{"d":"${'x'.repeat(99)}"}`, '{}')).toBe(5);
    expect(hold(held)).toBeUndefined();
  });
});

describe('the ends of the objects in a list', () => {
  it.each([
    [']', [], 0],
    ['{}]', [2], 2],
    [' {"a":{"b":[{},[]]}} , {} ] ,"x":[{}]', [20, 25], 26],
    [String.raw`{"}":"]","\"}":"\\"},{"\\\"":1}]`, [20, 31], 31],
    ['5,{},[{}],null,"{}"]', [4], 19],
    ['{},{"é":"}😀"}]', [2, 17], 17],
    ['{}', [2], -1],
  ])('are found in %s', (text, expected, close) => {
    const ends: number[] = [];
    expect(findEnds(Buffer.from(text), 0, ends)).toBe(close);
    expect(ends).toEqual(expected);
  });
});

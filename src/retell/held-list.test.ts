import { describe, expect, it } from 'vitest';
import { createHeldList, type HeldList } from './held-list.ts';

const HEAD = '{"transcript":[';

/** Takes a frame whose list has these items; each says its own text. */
function take(held: HeldList<string>, ...items: readonly string[]): readonly string[] | undefined {
  const bytes = Buffer.from(`${HEAD}${items.join(',')}]}`);
  const cut = held.cut(bytes, HEAD.length);
  if (!cut) throw new Error('expected a list with an end');
  return held.take(bytes, cut, items.slice(cut.shared));
}

function holding(...items: readonly string[]): HeldList<string> {
  const held = createHeldList<string>();
  take(held, ...items);
  return held;
}

function sharedWith(held: HeldList<string>, ...items: readonly string[]): number | undefined {
  return held.cut(Buffer.from(`${HEAD}${items.join(',')}]}`), HEAD.length)?.shared;
}

describe('the objects held of a list', () => {
  it('are shared up to the last whole one that is the same', () => {
    const items = Array.from({ length: 9 }, (_, index) => `{"n":${index}}`);
    const held = holding(...items);
    for (let changed = 0; changed < items.length; changed++) {
      expect(sharedWith(held, ...items.with(changed, '{"n":"x"}'))).toBe(changed);
      expect(sharedWith(held, ...items.slice(0, changed))).toBe(changed);
    }
    expect(sharedWith(held, ...items)).toBe(9);
    expect(sharedWith(held, ...items, '{}')).toBe(9);
    expect(sharedWith(createHeldList(), ...items)).toBe(0);
  });

  it('do not end within one that has grown', () => {
    const held = holding('{"a":[{}]}', '{"b":"}"}');
    expect(sharedWith(held, '{"a":[{},{}]}', '{"b":"}"}')).toBe(0);
    expect(sharedWith(held, '{"a":[{}]}', '{"b":"},{"}')).toBe(1);
  });

  it('are followed through lists that grow, shrink and change, in the same bytes where they fit', () => {
    const held = holding('{"a":1}', '{"b":2}', '{"c":3}', '{"d":4}', '{"e":5}');
    const { heldBytes } = held;
    const changed = ['{"a":1}', '{"b":2}', '{"c":30}', '{"d":4}'];
    expect(take(held, ...changed)).toEqual(changed);
    expect(held.heldBytes).toBe(heldBytes);
    expect(sharedWith(held, ...changed)).toBe(4);
    const grown = ['{"a":1}', '{"b":2}', '{"c":30}', `{"d":"${'x'.repeat(99)}"}`, '{}'];
    expect(take(held, ...grown)).toEqual(grown);
    expect(held.heldBytes).toBeGreaterThan(heldBytes);
    expect(sharedWith(held, ...grown)).toBe(5);
    expect(take(held, '{"a":1}')).toEqual(['{"a":1}']);
    expect(sharedWith(held, ...grown)).toBe(1);
  });

  it('are let go of when nothing tells which of them says what', () => {
    const held = holding('{"a":1}', '{"b":2}');
    const bytes = Buffer.from(`${HEAD}{"a":1},{"b":3},{"c":4}]}`);
    const cut = held.cut(bytes, HEAD.length);
    expect(cut).toMatchObject({ shared: 1, seam: 22, ends: [30, 38], close: 38 });
    expect(cut && held.take(bytes, cut, ['only one'])).toEqual(['{"a":1}', 'only one']);
    expect(held.heldBytes).toBe(0);
  });

  it('are let go of when they are asked to be', () => {
    const held = holding('{"a":1}');
    held.release();
    expect(held.heldBytes).toBe(0);
    expect(sharedWith(held, '{"a":1}')).toBe(0);
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
  ])('are found in %s', (text, ends, close) => {
    expect(createHeldList().cut(Buffer.from(text), 0)).toEqual({ start: 0, shared: 0, seam: 0, ends, close });
  });

  it('are none in a list without an end', () => {
    expect(createHeldList().cut(Buffer.from('{}'), 0)).toBeUndefined();
  });
});

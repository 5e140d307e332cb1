import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../std/random.ts';
import { behaviourSource } from './stub-behaviour.ts';

describe('the behaviours of the stub', () => {
  it('come from the queue first, then from the rest', () => {
    const source = behaviourSource([{ kind: 'cut', afterTokens: 1 }], [], { kind: 'ok' }, seededRandom(1));
    source.push({ kind: 'refuse', status: 500 });
    expect([source.next(), source.next(), source.next()].map(({ kind }) => kind)).toEqual(['cut', 'refuse', 'ok']);
  });

  it('are drawn by their shares, the same for the same seed', () => {
    const draw = (seed: number) => {
      const hang = { kind: 'hang', at: 'before_headers' } as const;
      const source = behaviourSource([], [{ ratio: 0.05, behaviour: hang }], { kind: 'ok' }, seededRandom(seed));
      return Array.from({ length: 10_000 }, () => source.next().kind);
    };
    const drawn = draw(9);
    expect(drawn.filter((kind) => kind === 'hang').length / 10_000).toBeCloseTo(0.05, 2);
    expect(draw(9)).toEqual(drawn);
  });
});

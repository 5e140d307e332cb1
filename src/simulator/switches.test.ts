import { describe, expect, it } from 'vitest';
import { allPositions, DEFAULT_SWITCHES, moveSwitch, POSITIONS } from './switches.ts';

describe('the switches', () => {
  it('stand in their first position by default', () => {
    for (const [name, [first]] of Object.entries(POSITIONS)) {
      expect(Object.entries(DEFAULT_SWITCHES)).toContainEqual([name, first]);
    }
  });

  it('visit every position of every question', () => {
    const visited = allPositions();
    for (const [name, positions] of Object.entries(POSITIONS)) {
      for (const position of positions) {
        const isVisited = visited.some((switches) => new Map(Object.entries(switches)).get(name) === position);
        expect(isVisited, `${name}=${position}`).toBe(true);
      }
    }
    expect(visited.length).toBe(1 + Object.values(POSITIONS).reduce((sum, all) => sum + all.length - 1, 0));
  });

  it('move by name=position', () => {
    expect(moveSwitch(DEFAULT_SWITCHES, 'normalClose=1006')).toEqual({ ...DEFAULT_SWITCHES, normalClose: '1006' });
  });

  it('name what was meant when a switch is misspelt', () => {
    expect(() => moveSwitch(DEFAULT_SWITCHES, 'normalclose=1006')).toThrow(
      expect.objectContaining({ reason: 'simulator.switch_unknown', fixes: ['did you mean normalClose?'] }),
    );
    expect(() => moveSwitch(DEFAULT_SWITCHES, 'toString=1')).toThrow(
      expect.objectContaining({ reason: 'simulator.switch_unknown' }),
    );
  });

  it('list the positions when one is unknown', () => {
    expect(() => moveSwitch(DEFAULT_SWITCHES, 'normalClose')).toThrow(
      expect.objectContaining({
        reason: 'simulator.position_unknown',
        fixes: ['positions of normalClose: 1000, 1005, 1006'],
      }),
    );
  });
});

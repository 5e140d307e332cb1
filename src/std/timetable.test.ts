import { describe, expect, it } from 'vitest';
import { ManualClock } from './manual-clock.ts';
import { createTimetable } from './timetable.ts';

/** An hour, on the hour. */
const HOUR = 1_800_000_000_000;

describe('a timetable', () => {
  it('names what is due at the full minutes of the hour, once', async () => {
    const clock = new ManualClock(HOUR + 2 * 60_000);
    const timetable = createTimetable(clock);
    timetable.add('sweep', 5);
    expect(timetable.nextInMs()).toBe(3 * 60_000);
    await clock.advance(3 * 60_000 - 1);
    expect(timetable.due()).toEqual([]);
    await clock.advance(1);
    expect(timetable.due()).toEqual(['sweep']);
    expect(timetable.due()).toEqual([]);
    expect(timetable.nextInMs()).toBe(5 * 60_000);
  });

  it('names once what was missed several times', async () => {
    const clock = new ManualClock(HOUR);
    const timetable = createTimetable(clock);
    timetable.add('sweep', 5);
    timetable.add('report', 60);
    await clock.advance(16 * 60_000);
    expect(timetable.nextInMs()).toBe(0);
    expect(timetable.due()).toEqual(['sweep']);
    expect(timetable.nextInMs()).toBe(4 * 60_000);
  });

  it('has nothing to wait for when it is empty, and keeps a name that it knows', async () => {
    const clock = new ManualClock(HOUR);
    const timetable = createTimetable(clock);
    expect(timetable.nextInMs()).toBeUndefined();
    timetable.add('sweep', 5);
    await clock.advance(5 * 60_000);
    timetable.add('sweep', 5);
    expect(timetable.due()).toEqual(['sweep']);
  });
});

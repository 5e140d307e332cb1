import { describe, expect, it } from 'vitest';
import { lazily } from './lazily.ts';

describe('what is loaded lazily', () => {
  it('is loaded with the first call, once, for all who wait and all who come later', async () => {
    const loaded = Promise.withResolvers<object>();
    let loads = 0;
    const wanted = lazily(() => {
      loads++;
      return loaded.promise;
    });
    expect(loads).toBe(0);
    const waiting = [wanted(), wanted()];
    expect(loads).toBe(1);
    const value = {};
    loaded.resolve(value);
    for (const came of await Promise.all([...waiting, wanted()])) expect(came).toBe(value);
    expect(loads).toBe(1);
  });

  it('fails for all who wait, and is loaded again by the next call', async () => {
    let loads = 0;
    const wanted = lazily(async () => {
      loads++;
      if (loads === 1) throw new Error('not yet');
      return loads;
    });
    const outcomes = await Promise.allSettled([wanted(), wanted()]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(loads).toBe(1);
    expect(await Promise.all([wanted(), wanted()])).toEqual([2, 2]);
  });

  it('may throw at once, and is loaded again no less', async () => {
    let loads = 0;
    const wanted = lazily(() => {
      loads++;
      if (loads === 1) throw new Error('not yet');
      return Promise.resolve(loads);
    });
    await expect(wanted()).rejects.toThrow('not yet');
    expect(await wanted()).toBe(2);
  });
});

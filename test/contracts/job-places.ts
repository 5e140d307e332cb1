import { describe, expect, it } from 'vitest';
import type { JobHandler, Jobs } from '../../src/ports/jobs.ts';
import { Fault } from '../../src/std/fault.ts';
import { hanging, jobRig, noting } from './job-rig.ts';
import { type MakeSubject, signal } from './subject.ts';

/** Who does jobs does so many at once, gives up on what hangs, and stops in time. */
export function jobPlacesContract(name: string, make: MakeSubject<Jobs>): void {
  describe(`places for jobs over ${name}`, { timeout: 20_000 }, () => {
    const { jobs, work, soon, add, dead, pass, stopAll } = jobRig(make);

    it('does no more at once than it may', async () => {
      let most = 0;
      let now = 0;
      let ended = 0;
      const handle: JobHandler = async () => {
        most = Math.max(most, ++now);
        for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
        now--;
        ended++;
      };
      await jobs.enqueue(
        Array.from({ length: 12 }, () => ({ kind: 'note', payload: {} })),
        signal,
      );
      work({ note: handle }, { concurrency: 3 });
      await soon(() => expect(ended).toBe(12));
      expect(most).toBeLessThanOrEqual(3);
    });

    it('hands back what is in hand when it is stopped, at no cost', async () => {
      const begun: number[] = [];
      const hold: JobHandler = ({ attempt }, within) => {
        begun.push(attempt);
        return new Promise((_, reject) => within.addEventListener('abort', () => reject(within.reason)));
      };
      await add('hold', { maxAttempts: 1 });
      const { stop, ended } = work({ hold });
      await soon(() => expect(begun).toEqual([1]));
      stop.abort(new Fault('cancelled', 'work.cancelled', 'enough'));
      await ended;
      const { done, handle } = noting();
      work({ hold: handle });
      await soon(() => expect(done).toMatchObject([{ attempt: 1 }]));
      expect(await dead()).toEqual([]);
    });

    it('finishes what is in hand when it is stopped, and begins nothing', async () => {
      const { done, handle } = noting();
      const stop = new AbortController();
      const finish: JobHandler = async (job) => {
        stop.abort();
        await new Promise((resolve) => setImmediate(resolve));
        done.push(job);
      };
      await add('note');
      await add('note');
      await jobs.work({ handlers: { note: finish }, concurrency: 1 }, stop.signal);
      expect(done).toHaveLength(1);
      work({ note: handle });
      await soon(() => expect(done).toHaveLength(2));
      expect(done.map(({ attempt }) => attempt)).toEqual([1, 1]);
    });

    it('gives up after 30 s on what hangs, tries it again, and gives its place to others', async () => {
      const { tries, handle: hang } = hanging();
      const { done, handle } = noting();
      await add('hang', { maxAttempts: 2 });
      work({ hang, note: handle }, { concurrency: 1 });
      await soon(() => expect(tries).toEqual([1]));
      await add('note');
      await pass(29_000);
      expect(done).toEqual([]);
      await pass(1_000);
      await soon(() => expect(done).toHaveLength(1));
      await soon(async () => {
        await pass(1_000);
        expect(tries).toEqual([1, 2]);
      });
      await soon(async () => {
        await pass(10_000);
        expect(await dead()).toMatchObject([{ kind: 'hang', attempt: 2, reason: 'jobs.handler_timeout' }]);
      });
    });

    it('waits 5 s for what hangs when it is stopped, then hands it back at no cost', async () => {
      const { tries, handle: hang } = hanging();
      await add('hang', { maxAttempts: 1 });
      const { stop, ended } = work({ hang });
      await soon(() => expect(tries).toEqual([1]));
      let isStopped = false;
      const stopped = ended.then(() => {
        isStopped = true;
      });
      stop.abort();
      await pass(4_900);
      expect(isStopped).toBe(false);
      await pass(100);
      // In a fleet the row is given back, and those who listen are let go.
      await soon(async () => {
        await pass(100);
        expect(isStopped).toBe(true);
      });
      await stopped;
      const { done, handle } = noting();
      work({ hang: handle });
      await soon(() => expect(done).toMatchObject([{ attempt: 1 }]));
      expect(await dead()).toEqual([]);
    });

    it('keeps the places of one work free of what another one does', async () => {
      const { tries: hung, handle: hang } = hanging();
      const { done, handle } = noting();
      work({ hang }, { concurrency: 2 });
      work({ note: handle }, { concurrency: 1 });
      for (let n = 0; n < 3; n++) await add('hang');
      await soon(() => expect(hung).toHaveLength(2));
      await add('note');
      await soon(() => expect(done).toHaveLength(1));
      expect(hung).toHaveLength(2);
      stopAll();
      await soon(() => pass(5_000));
    });

    it('settles at once when there is nothing in hand', async () => {
      const { done, handle } = noting();
      const { stop, ended } = work({ note: handle });
      await add('note');
      await soon(() => expect(done).toHaveLength(1));
      stop.abort();
      await ended;
    });
  });
}

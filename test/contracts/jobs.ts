import { describe, expect, it } from 'vitest';
import type { JobHandler, Jobs } from '../../src/ports/jobs.ts';
import { Fault } from '../../src/std/fault.ts';
import { jobRig, noting } from './job-rig.ts';
import { IN_MEMORY, type MakeSubject, signal } from './subject.ts';

/** What all jobs must do; their places, deadlines and stops are in `job-places.ts`. */
export function jobsContract(name: string, make: MakeSubject<Jobs>, { isDurable } = IN_MEMORY): void {
  describe(`the jobs contract over ${name}`, { timeout: 20_000 }, () => {
    const { jobs, work, soon, add, dead, pass, reopen } = jobRig(make);
    const away = new Fault('unavailable', 'retell.unavailable', 'away');
    /** A handler that fails until it was tried so often. */
    const failing = (times = Number.POSITIVE_INFINITY, fault = away) => {
      const tries: number[] = [];
      const handle: JobHandler = async ({ attempt }) => {
        tries.push(attempt);
        if (tries.length <= times) throw fault;
      };
      return { tries, handle };
    };

    it('does what was enqueued, before or while somebody works', async () => {
      const { done, handle } = noting();
      await add('note', { payload: { callId: 'call_1', nested: [1, { two: 2 }] } });
      work({ note: handle });
      await soon(() => expect(done).toHaveLength(1));
      await add('note', { payload: { callId: 'call_2' } });
      await soon(() => expect(done).toHaveLength(2));
      expect(done).toMatchObject([
        { kind: 'note', payload: { callId: 'call_1', nested: [1, { two: 2 }] }, attempt: 1 },
        { kind: 'note', payload: { callId: 'call_2' }, attempt: 1 },
      ]);
      expect(done[0]?.id).not.toBe(done[1]?.id);
    });

    it('does each job once, however many work', async () => {
      const { done, handle } = noting();
      for (let i = 0; i < 3; i++) work({ note: handle }, { concurrency: 2 });
      await jobs.enqueue(
        Array.from({ length: 30 }, (_, n) => ({ kind: 'note', payload: { n } })),
        signal,
      );
      await soon(() => expect(done.length).toBeGreaterThanOrEqual(30));
      expect(done.map(({ payload }) => payload.n).toSorted((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: 30 }, (_, n) => n),
      );
    });

    it('leaves jobs alone that it has no handler for', async () => {
      const [notes, others] = [noting(), noting()];
      await add('other');
      await add('note');
      work({ note: notes.handle });
      await soon(() => expect(notes.done).toHaveLength(1));
      work({ other: others.handle });
      await soon(() => expect(others.done).toHaveLength(1));
    });

    it('begins no job before its time', async () => {
      const { done, handle } = noting();
      await add('note', { delayMs: 30_000, payload: { late: true } });
      work({ note: handle });
      await add('note');
      await soon(() => expect(done).toHaveLength(1));
      await pass(15_000);
      await add('note');
      await soon(() => expect(done).toHaveLength(2));
      expect(done.every(({ payload }) => payload.late === undefined)).toBe(true);
      await pass(15_000);
      await soon(() => expect(done).toHaveLength(3));
    });

    it('tries again after 1, 5 and 25 s', async () => {
      const [{ tries, handle }, others] = [failing(3), noting()];
      await add('fail');
      work({ fail: handle, note: others.handle });
      for (const [round, delayMs] of [1_000, 5_000, 25_000].entries()) {
        await soon(() => expect(tries).toHaveLength(round + 1));
        await nearlyPass(delayMs);
        expect(tries).toHaveLength(round + 1);
        await pass(500);
      }
      await soon(() => expect(tries).toEqual([1, 2, 3, 4]));
      expect(await dead()).toEqual([]);

      /** All of the delay but half a second; then something else is done, so that it had its chance. */
      async function nearlyPass(delayMs: number): Promise<void> {
        const before = others.done.length;
        // What failed has to be written down before its delay can pass.
        await add('note');
        await soon(() => expect(others.done).toHaveLength(before + 1));
        await pass(delayMs - 500);
        await add('note');
        await soon(() => expect(others.done).toHaveLength(before + 2));
      }
    });

    it('sets a job aside when its tries are spent, with the reason of the last', async () => {
      const { tries, handle } = failing();
      await add('fail', { maxAttempts: 2, payload: { callId: 'call_1' } });
      work({ fail: handle });
      await soon(() => expect(tries).toHaveLength(1));
      expect(await dead()).toEqual([]);
      await soon(async () => {
        await pass(1_000);
        expect(tries).toHaveLength(2);
      });
      await soon(async () => expect(await dead()).toHaveLength(1));
      const [job] = await dead();
      expect(job).toMatchObject({
        kind: 'fail',
        payload: { callId: 'call_1' },
        attempt: 2,
        reason: 'retell.unavailable',
      });
      expect(job?.failedAt).toBeGreaterThan(0);
      expect(await jobs.deadJob(job?.id ?? '', signal)).toEqual(job);
      expect(await jobs.deadJob('99999', signal)).toBeUndefined();
    });

    it('sets a job aside at once when trying again is of no use', async () => {
      const hopeless = failing(1, new Fault('invalid', 'api.bad_body', 'no'));
      const broken: JobHandler = () => Promise.reject(new TypeError('oops'));
      await add('hopeless');
      await add('broken');
      work({ hopeless: hopeless.handle, broken });
      await soon(async () => expect(await dead()).toHaveLength(2));
      const reasons = (await dead()).map(({ kind, reason, attempt }) => [kind, reason, attempt]);
      expect(reasons.toSorted()).toEqual([
        ['broken', 'jobs.handler_threw', 1],
        ['hopeless', 'api.bad_body', 1],
      ]);
    });

    it('gives a dead job that is requeued all its tries anew, once', async () => {
      const { tries, handle } = failing(2);
      await add('fail', { maxAttempts: 1 });
      const { stop, ended } = work({ fail: handle });
      await soon(async () => expect(await dead()).toHaveLength(1));
      stop.abort();
      await ended;
      const id = (await dead())[0]?.id ?? '';
      expect(await jobs.requeue(id, signal)).toBe(true);
      expect(await jobs.requeue(id, signal)).toBe(false);
      expect(await jobs.requeue('99999', signal)).toBe(false);
      expect(await dead()).toEqual([]);
      work({ fail: handle });
      await soon(() => expect(tries).toEqual([1, 1]));
      await soon(async () => expect(await dead()).toHaveLength(1));
      await jobs.requeue((await dead())[0]?.id ?? '', signal);
      await soon(() => expect(tries).toEqual([1, 1, 1]));
    });

    it('lists dead jobs newest first, a page at a time', async () => {
      const failed: unknown[] = [];
      const handle: JobHandler = async ({ payload }) => {
        failed.push(payload.n);
        throw new Fault('invalid', 'api.bad_body', 'no');
      };
      work({ fail: handle }, { concurrency: 1 });
      for (const n of [1, 2, 3]) {
        await add('fail', { payload: { n } });
        await soon(async () => expect(await dead()).toHaveLength(n));
        await pass(10);
      }
      const page = async (limit: number, before?: string) => jobs.deadJobs(limit, before, signal);
      const first = await page(2);
      expect(first.map(({ payload }) => payload.n)).toEqual([3, 2]);
      expect((await page(2, first[1]?.id)).map(({ payload }) => payload.n)).toEqual([1]);
      expect(await page(2, '99999')).toEqual([]);
    });

    it('adds no job of a kind and key while one waits, and one once it is begun', async () => {
      const { done, handle } = noting();
      const held = Promise.withResolvers<void>();
      const hold: JobHandler = async (job, within) => {
        await handle(job, within);
        await held.promise;
      };
      await add('sweep', { key: 'all', payload: { n: 1 } });
      await add('sweep', { key: 'all', payload: { n: 2 } });
      await add('sweep', { key: 'some', payload: { n: 3 } });
      await add('other', { key: 'all', payload: { n: 4 } });
      work({ sweep: hold, other: hold });
      await soon(() => expect(done).toHaveLength(3));
      expect(done.map(({ payload }) => payload.n).toSorted()).toEqual([1, 3, 4]);
      await add('sweep', { key: 'all', payload: { n: 5 } });
      await soon(() => expect(done).toHaveLength(4));
      held.resolve();
    });

    it('adds one job of a key, however many enqueue it at once', async () => {
      await Promise.all(Array.from({ length: 20 }, () => add('sweep', { key: 'all' })));
      const { done, handle } = noting();
      const others = noting();
      work({ sweep: handle, note: others.handle }, { concurrency: 1 });
      await add('note');
      await soon(() => expect(others.done).toHaveLength(1));
      expect(done).toHaveLength(1);
    });

    it('keeps the tries of a job in hand, though another one of its key is added', async () => {
      const { tries, handle } = failing(1);
      const begun = Promise.withResolvers<void>();
      const added = Promise.withResolvers<void>();
      const hold: JobHandler = async (job, within) => {
        begun.resolve();
        await added.promise;
        await handle(job, within);
      };
      await add('sweep', { key: 'all' });
      const { stop, ended } = work({ sweep: hold }, { concurrency: 1 });
      await begun.promise;
      await add('sweep', { key: 'all' });
      added.resolve();
      await soon(() => expect(tries).toEqual([1, 1]));
      await soon(async () => {
        await pass(1_000);
        expect(tries).toEqual([1, 1, 2]);
      });
      stop.abort();
      await ended;
    });

    it('adds a job of a key again after the last one died, and keeps that', async () => {
      const { handle } = failing(1, new Fault('invalid', 'api.bad_body', 'no'));
      await add('sweep', { key: 'all', payload: { n: 1 } });
      work({ sweep: handle });
      await soon(async () => expect(await dead()).toHaveLength(1));
      const { done, handle: note } = noting();
      await add('sweep', { key: 'all', payload: { n: 2 } });
      work({ sweep: note });
      await soon(async () => expect((await dead()).map(({ payload }) => payload.n)).toEqual([1]));
      expect(done.every(({ payload }) => payload.n === 2)).toBe(true);
    });

    it('refuses an aborted signal with its reason', async () => {
      const reason = new Error('enough');
      const aborted = AbortSignal.abort(reason);
      await expect(jobs.enqueue([{ kind: 'note', payload: {} }], aborted)).rejects.toBe(reason);
      await expect(jobs.deadJobs(1, undefined, aborted)).rejects.toBe(reason);
    });

    if (!isDurable) return;
    it('keeps what waits and what died over a reopening, and runs again what was in hand', async () => {
      const begun: string[] = [];
      const hang: JobHandler = ({ kind }) => {
        begun.push(kind);
        return new Promise(() => {});
      };
      const hopeless: JobHandler = () => Promise.reject(new Fault('invalid', 'api.bad_body', 'no'));
      await jobs.enqueue(
        [
          { kind: 'hopeless', payload: {} },
          { kind: 'hang', payload: {} },
          { kind: 'last', payload: {}, maxAttempts: 1 },
          { kind: 'waits', payload: { n: 1 } },
        ],
        signal,
      );
      // As a process that is killed leaves it: never stopped, so never awaited.
      void jobs.work({ handlers: { hang, hopeless, last: hang } }, new AbortController().signal);
      await soon(() => expect(begun.toSorted()).toEqual(['hang', 'last']));
      await soon(async () => expect(await dead()).toHaveLength(1));
      await reopen();
      const { done, handle } = noting();
      work({ hang: handle, last: handle, waits: handle });
      // In a fleet it takes a while until a worker is known to be dead.
      await soon(async () => {
        await pass(10_000);
        expect(done).toHaveLength(2);
      });
      expect(done.map(({ kind, attempt }) => [kind, attempt]).toSorted()).toEqual([
        ['hang', 2],
        ['waits', 1],
      ]);
      await soon(async () => expect(await dead()).toHaveLength(2));
      const reasons = (await dead()).map(({ kind, reason }) => [kind, reason]).toSorted();
      expect(reasons).toEqual([
        ['hopeless', 'api.bad_body'],
        ['last', 'jobs.worker_lost'],
      ]);
    });
  });
}

import type { JobWork } from '../ports/jobs.ts';
import type { Clock } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { ARCHIVE_GROUP, archiveHandler } from '../workers/archive.ts';
import type { CallEnder } from '../workers/close-call.ts';
import { CLOSER_GROUP, closerHandler } from '../workers/closer.ts';
import { runRelay } from '../workers/relay.ts';
import { runSweeper } from '../workers/sweeper.ts';
import { runWorker } from '../workers/worker.ts';
import type { Ports } from './ports.ts';

/** The workers of a process: none of them is on the path of a voice. */
export interface BackOffice {
  /** Stops reading, finishes what is in hand. */
  stop(): Promise<void>;
}

/** @param work what is done later, also by other processes; none of it takes the places of another */
export function openBackOffice(
  ports: Ports,
  ender: CallEnder,
  work: readonly JobWork[],
  clock: Clock,
  log: Log,
): BackOffice {
  const { callStore, toolLedger, eventLog, records, jobs } = ports;
  const stopping = new AbortController();
  const ending = { ender, callStore, clock };
  const worker = { eventLog, clock, log };
  const running = [
    runRelay({ sources: [callStore, records], eventLog, clock, log }, stopping.signal),
    runWorker(
      { ...worker, group: ARCHIVE_GROUP, handle: archiveHandler({ records, callStore, toolLedger }) },
      stopping.signal,
    ),
    runWorker({ ...worker, group: CLOSER_GROUP, handle: closerHandler(ending) }, stopping.signal),
    runSweeper({ ...ending, log }, stopping.signal),
    ...work.map((each) => jobs.work(each, stopping.signal)),
  ];
  return {
    async stop() {
      stopping.abort(new Fault('cancelled', 'back_office.stopped', 'the process is stopping'));
      const outcomes = await Promise.allSettled(running);
      for (const { status } of outcomes) {
        if (status === 'rejected') log.error({}, 'a worker stopped by itself; its work waits in the event log');
      }
    },
  };
}

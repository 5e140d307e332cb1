import type { DatabaseSync } from 'node:sqlite';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { toFault } from '../../std/fault.ts';
import { lazily } from '../../std/lazily.ts';
import { connect, openDatabase } from './database.ts';
import { RECORDS_MIGRATIONS } from './records-migrations.ts';
import {
  type ArchiveOperations,
  type Housekeeping,
  packFault,
  type RecoveryOperations,
  type ThreadAnswer,
  type ThreadOperations,
  type ThreadPaths,
  type ThreadReply,
  type ThreadRequest,
  type ThreadRequests,
} from './records-wire.ts';
import { sqliteFault } from './sqlite-fault.ts';

/** Beyond 64 MB of write-ahead log (in pages of 4 KB) a truncating checkpoint is worth the moment it holds commits up. */
const MAX_WAL_PAGES = 16_384;

type RecordsThread = Readonly<{
  housekeeping: Housekeeping;
  recovery: RecoveryOperations;
  /** Loaded with the first request for them: the query builder is 250 files, and a start awaits none of them. */
  archive(): Promise<ArchiveOperations>;
  /** Runs `work` in one write transaction: all of it or nothing. */
  transact<T>(work: () => Promise<T>): Promise<T>;
}>;

// This module is the body of the one thread that owns records.db; imported anywhere else it does nothing.
if (parentPort) start(parentPort, workerData);

function start(port: MessagePort, paths: ThreadPaths): void {
  const reply = (message: ThreadReply) => port.postMessage(message);
  let thread: RecordsThread;
  try {
    thread = openThread(paths, port);
  } catch (thrown) {
    reply({ kind: 'refused', fault: packFault(toFault(thrown)) });
    port.close();
    return;
  }
  // One message after another, in the order they came: there is one connection, and so one transaction at a time.
  let last = Promise.resolve();
  port.on('message', (requests: ThreadRequests) => {
    last = last.then(async () => reply({ kind: 'answered', answers: await answerAll(thread, requests) }));
  });
  reply({ kind: 'opened' });
}

/**
 * What came in one message shares one transaction, and so one sync of the disk. When one of them fails none has taken
 * place: each then gets a transaction of its own, and only the one at fault fails.
 */
async function answerAll(thread: RecordsThread, requests: ThreadRequests): Promise<readonly ThreadAnswer[]> {
  const isWork = ({ operation }: ThreadRequest) => !isOf(thread.housekeeping, operation);
  const work = requests.filter(isWork);
  const housekeeping = requests.filter((request) => !isWork(request));
  const answers: ThreadAnswer[] = [];
  try {
    if (work.length > 0) answers.push(...(await thread.transact(() => runAll(thread, work))));
  } catch {
    for (const request of work) answers.push(await answer(request, () => thread.transact(() => run(thread, request))));
  }
  for (const request of housekeeping) answers.push(await answer(request, () => run(thread, request)));
  return answers;
}

async function runAll(thread: RecordsThread, requests: ThreadRequests): Promise<readonly ThreadAnswer[]> {
  const answers: ThreadAnswer[] = [];
  for (const request of requests) answers.push(await run(thread, request));
  return answers;
}

async function answer({ id }: ThreadRequest, work: () => Promise<ThreadAnswer>): Promise<ThreadAnswer> {
  try {
    return await work();
  } catch (thrown) {
    return { kind: 'failed', id, fault: packFault(sqliteFault(thrown)) };
  }
}

async function run(thread: RecordsThread, { id, operation, args }: ThreadRequest): Promise<ThreadAnswer> {
  const value: unknown = await Reflect.apply(await methodOf(thread, operation), undefined, args);
  return { kind: 'done', id, value };
}

async function methodOf({ housekeeping, recovery, archive }: RecordsThread, operation: keyof ThreadOperations) {
  if (isOf(housekeeping, operation)) return housekeeping[operation];
  if (isOf(recovery, operation)) return recovery[operation];
  return (await archive())[operation];
}

function isOf<Group extends object>(group: Group, operation: PropertyKey): operation is keyof Group {
  return Object.hasOwn(group, operation);
}

function openThread({ recordsPath, livePath }: ThreadPaths, port: MessagePort): RecordsThread {
  const live = connect(livePath);
  const database = openDatabase(recordsPath, {
    synchronous: 'FULL',
    isCheckpointedElsewhere: false,
    migrations: RECORDS_MIGRATIONS,
  });
  const recovery: RecoveryOperations = {
    async takeBack(now) {
      database.exec('UPDATE deliveries SET due_at = 0, is_out = 0 WHERE is_out = 1');
      database
        .prepare(`
          UPDATE jobs SET state = 'dead', reason = ?, failed_at = ? WHERE state = 'held' AND attempt >= max_attempts`)
        .run('jobs.worker_lost', now);
      database.exec("UPDATE jobs SET state = 'waiting' WHERE state = 'held'");
    },
  };
  const housekeeping: Housekeeping = {
    async checkpointLive() {
      // PASSIVE never holds up the thread that writes; what it could not copy waits for the next one.
      if (checkpoint(live, 'PASSIVE') > MAX_WAL_PAGES) checkpoint(live, 'TRUNCATE');
    },
    async close() {
      checkpoint(live, 'TRUNCATE');
      live.close();
      database.close();
      // Whatever was posted still leaves; with the port closed the thread has nothing to live for.
      setImmediate(() => port.close());
    },
  };
  return {
    housekeeping,
    recovery,
    archive: lazily(async () => (await import('./archive-operations.ts')).archiveOperations(database)),
    async transact(work) {
      database.exec('BEGIN IMMEDIATE');
      try {
        const result = await work();
        database.exec('COMMIT');
        return result;
      } catch (thrown) {
        if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
        throw thrown;
      }
    },
  };
}

/** Pages in the write-ahead log when it was done. */
function checkpoint(live: DatabaseSync, mode: 'PASSIVE' | 'TRUNCATE'): number {
  return Number(live.prepare(`PRAGMA wal_checkpoint(${mode})`).get()?.log);
}

import type { DatabaseSync } from 'node:sqlite';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { toFault } from '../../std/fault.ts';
import { connect, openDatabase } from './database.ts';
import { eventLogOperations } from './event-log.ts';
import { recordsOperations } from './records.ts';
import { kyselyOver, RECORDS_MIGRATIONS } from './records-schema.ts';
import {
  packFault,
  type ThreadOperations,
  type ThreadPaths,
  type ThreadReply,
  type ThreadRequest,
} from './records-wire.ts';
import { sqliteFault } from './sqlite-fault.ts';

/** Beyond 64 MB of write-ahead log (in pages of 4 KB) a truncating checkpoint is worth the moment it holds commits up. */
const MAX_WAL_PAGES = 16_384;

// This module is the body of the one thread that owns records.db; imported anywhere else it does nothing.
if (parentPort) start(parentPort, workerData);

function start(port: MessagePort, paths: ThreadPaths): void {
  const reply = (message: ThreadReply) => port.postMessage(message);
  let operations: ThreadOperations;
  try {
    operations = openOperations(paths, port);
  } catch (thrown) {
    reply({ kind: 'refused', fault: packFault(toFault(thrown)) });
    port.close();
    return;
  }

  const answer = async ({ id, operation, args }: ThreadRequest) => {
    try {
      const value: unknown = await Reflect.apply(operations[operation], operations, args);
      reply({ kind: 'done', id, value });
    } catch (thrown) {
      reply({ kind: 'failed', id, fault: packFault(sqliteFault(thrown)) });
    }
  };
  // One after another, in the order they were asked: there is one connection, and so one transaction at a time.
  let last = Promise.resolve();
  port.on('message', (request: ThreadRequest) => {
    last = last.then(() => answer(request));
  });
  reply({ kind: 'opened' });
}

function openOperations({ recordsPath, livePath }: ThreadPaths, port: MessagePort): ThreadOperations {
  const live = connect(livePath);
  const db = kyselyOver(
    openDatabase(recordsPath, { synchronous: 'FULL', isCheckpointedElsewhere: false, migrations: RECORDS_MIGRATIONS }),
  );
  return {
    ...recordsOperations(db),
    ...eventLogOperations(db),
    async checkpointLive() {
      // PASSIVE never holds up the thread that writes; what it could not copy waits for the next one.
      if (checkpoint(live, 'PASSIVE') > MAX_WAL_PAGES) checkpoint(live, 'TRUNCATE');
    },
    async close() {
      checkpoint(live, 'TRUNCATE');
      live.close();
      await db.destroy();
      // Whatever was posted still leaves; with the port closed the thread has nothing to live for.
      setImmediate(() => port.close());
    },
  };
}

/** Pages in the write-ahead log when it was done. */
function checkpoint(live: DatabaseSync, mode: 'PASSIVE' | 'TRUNCATE'): number {
  return Number(live.prepare(`PRAGMA wal_checkpoint(${mode})`).get()?.log);
}

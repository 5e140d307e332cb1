import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { CALL_TTL_MS } from '../../call/live-call.ts';
import type { CallStore } from '../../ports/call-store.ts';
import { type Dials, KEEP_DIALS_MS } from '../../ports/dials.ts';
import type { EventLog } from '../../ports/event-log.ts';
import { type Jobs, KEEP_DEAD_JOBS_MS } from '../../ports/jobs.ts';
import type { Records } from '../../ports/records.ts';
import type { ToolLedger } from '../../ports/tool-ledger.ts';
import type { Clock } from '../../std/clock.ts';
import { type Closable, closeAll } from '../../std/close-all.ts';
import { Fault, toFault } from '../../std/fault.ts';
import type { Log } from '../../std/log.ts';
import { sqliteCallStore } from './call-store.ts';
import { connect, makePrivate } from './database.ts';
import { dialsOver } from './dials-client.ts';
import { jobsOver } from './jobs-client.ts';
import { openLive } from './live.ts';
import { eventLogOver, RecordsClient, recordsOver, spawnRecordsThread } from './records-client.ts';
import { sqliteToolLedger } from './tool-ledger.ts';

/** Often enough that the write-ahead log stays near 10 MB at 100 commits a second. */
const CHECKPOINT_EVERY_MS = 2_000;
const PRUNE_EVERY_MS = 3_600_000;
/** A day more than a call may live: the sweep ends what is adrift long before it is pruned. */
const KEEP_CALLS_MS = CALL_TTL_MS + 86_400_000;
/** Retell's webhooks may be 72 h late; a fact published again within this time is still known. */
const KEEP_EVENTS_MS = 7 * 86_400_000;

export interface Embedded {
  readonly callStore: CallStore;
  readonly toolLedger: ToolLedger;
  readonly eventLog: EventLog;
  readonly records: Records;
  readonly jobs: Jobs;
  readonly dials: Dials;
  /** Waits for what was asked, copies the write-ahead logs back, closes the files. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens the stores of `single` in `dir`, made if need be (0700, files 0600). One process at a time.
 *
 * @param signal ends the opening; once open, `close` ends it
 * @throws Fault `store.in_use`, `store.too_new`, `store.folder_unusable` and the other `store.*`
 */
export async function openEmbedded(dir: string, clock: Clock, log: Log, signal: AbortSignal): Promise<Embedded> {
  signal.throwIfAborted();
  const lock = lockFolder(join(dir, 'lock.db'));
  const opened: Closable[] = [lock];
  try {
    const paths = { recordsPath: join(dir, 'records.db'), livePath: join(dir, 'live.db') };
    const live = openLive(paths.livePath);
    opened.push(live);
    const client = await RecordsClient.open(() => spawnRecordsThread(paths), clock, log, signal);
    opened.push(client);
    await client.ask('takeBack', [clock.now()], signal);

    const callStore = sqliteCallStore(live, clock);
    const toolLedger = sqliteToolLedger(live, clock);
    const jobs = jobsOver(client, clock, log);
    const closing = new AbortController();
    const checkpoint = () => client.ask('checkpointLive', [], closing.signal);
    const prune = async () => {
      callStore.prune(KEEP_CALLS_MS);
      toolLedger.prune(KEEP_CALLS_MS);
      await client.ask('pruneEvents', [clock.now() - KEEP_EVENTS_MS], closing.signal);
      await client.ask('pruneDials', [clock.now() - KEEP_DIALS_MS], closing.signal);
      await client.ask('pruneDeadJobs', [clock.now() - KEEP_DEAD_JOBS_MS], closing.signal);
    };
    repeat(clock, CHECKPOINT_EVERY_MS, checkpoint, log, closing.signal);
    repeat(clock, PRUNE_EVERY_MS, prune, log, closing.signal);

    let closed: Promise<void> | undefined;
    return {
      callStore,
      toolLedger,
      eventLog: eventLogOver(client, clock),
      records: recordsOver(client, clock, jobs.ring),
      jobs,
      dials: dialsOver(client, clock, jobs.ring),
      close() {
        closing.abort(new Fault('cancelled', 'store.closing', 'the stores are being closed'));
        // The thread copies the live log back before the main thread lets go of it.
        closed ??= closeAll(opened);
        return closed;
      },
    };
  } catch (thrown) {
    await closeAll(opened);
    throw thrown;
  }
}

/** Held while the process lives, and by nothing after: the system drops it, however the process ends. */
function lockFolder(path: string): DatabaseSync {
  makePrivate(path);
  const lock = connect(path);
  try {
    lock.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock.close();
    throw new Fault('conflict', 'store.in_use', 'expected the data folder to be free, another process has it open', {
      cause,
      effect: 'the other process goes on answering them',
      fixes: ['stop the other offhook', 'give this one its own OFFHOOK_DATA_DIR'],
    });
  }
}

/** Runs `work` every so often until the signal aborts; a failure is logged and the next time tried again. */
function repeat(clock: Clock, everyMs: number, work: () => Promise<unknown>, log: Log, signal: AbortSignal): void {
  const run = async () => {
    try {
      await work();
    } catch (thrown) {
      const { kind, reason } = toFault(thrown);
      if (kind !== 'cancelled') log.warn({ reason }, 'housekeeping of the data folder failed and is tried again');
    }
    if (!signal.aborted) arm();
  };
  const arm = () => {
    const cancel = clock.after(everyMs, () => {
      signal.removeEventListener('abort', cancel);
      void run();
    });
    signal.addEventListener('abort', cancel, { once: true });
  };
  arm();
}

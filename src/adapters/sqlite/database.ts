import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Fault } from '../../std/fault.ts';
import { sqliteFault } from './sqlite-fault.ts';

/** How long a statement waits for another connection's lock. Only a truncating checkpoint ever holds one. */
const BUSY_TIMEOUT_MS = 1_000;

export interface DatabaseOptions {
  /** `NORMAL` survives the death of the process, `FULL` also that of the machine. */
  readonly synchronous: 'NORMAL' | 'FULL';
  /** Whether another thread copies the write-ahead log back, so that no commit here ever pays for it. */
  readonly isCheckpointedElsewhere: boolean;
  /** SQL, oldest first. Number n brings a database of version n to n + 1; never edit one that was released. */
  readonly migrations: readonly string[];
}

/**
 * Opens a database in WAL mode and brings it forward. The file is 0600; folders made on the way are 0700, one
 * that was there keeps its mode.
 *
 * @throws Fault `store.too_new` when a newer offhook wrote it; `store.*` when SQLite cannot open it
 */
export function openDatabase(path: string, options: DatabaseOptions): DatabaseSync {
  makePrivate(path);
  const database = connect(path);
  try {
    database.exec('PRAGMA journal_mode = WAL');
    database.exec(`PRAGMA synchronous = ${options.synchronous}`);
    if (options.isCheckpointedElsewhere) database.exec('PRAGMA wal_autocheckpoint = 0');
    migrate(database, options.migrations);
    return database;
  } catch (thrown) {
    database.close();
    throw sqliteFault(thrown);
  }
}

/** A bare connection, for a file whose schema another connection keeps. */
export function connect(path: string): DatabaseSync {
  try {
    const database = new DatabaseSync(path);
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    return database;
  } catch (thrown) {
    throw sqliteFault(thrown);
  }
}

/** Runs `work` in one write transaction: all of it or nothing. */
export type Transact = <T>(work: () => T) => T;

/** Makes what runs the transactions of one connection. */
export function transactOn(database: DatabaseSync): Transact {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  return (work) => {
    try {
      begin.run();
      const result = work();
      commit.run();
      return result;
    } catch (thrown) {
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
      throw sqliteFault(thrown);
    }
  };
}

/**
 * Makes the file before SQLite does, so that it (and the -wal and -shm beside it, which take its mode) was never
 * readable by others. `wx`, because opening and closing a file that SQLite holds would drop this process's locks.
 */
export function makePrivate(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (existsSync(path)) chmodSync(path, 0o600);
    else closeSync(openSync(path, 'wx', 0o600));
  } catch (thrown) {
    throw new Fault('unavailable', 'store.folder_unusable', 'expected a data folder that may be written', {
      cause: thrown,
      detail: { code: thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined },
      effect: 'nobody is answered until it starts',
      fixes: ['make the folder writable for the user offhook runs as', 'set OFFHOOK_DATA_DIR to another folder'],
    });
  }
}

function migrate(database: DatabaseSync, migrations: readonly string[]): void {
  const found = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (found > migrations.length) {
    throw new Fault(
      'invalid',
      'store.too_new',
      `expected a database of version ${migrations.length} or older, found ${found}`,
      {
        detail: { expected: migrations.length, found },
        effect: 'nobody is answered until it starts; what is stored stays as it is',
        fixes: ['run the newer offhook that wrote it', 'point OFFHOOK_DATA_DIR at another folder'],
      },
    );
  }
  const transact = transactOn(database);
  migrations.forEach((sql, version) => {
    if (version < found) return;
    transact(() => {
      database.exec(sql);
      database.exec(`PRAGMA user_version = ${version + 1}`);
    });
  });
}

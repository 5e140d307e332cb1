import type { DatabaseSync } from 'node:sqlite';
import { openDatabase, type Transact, transactOn } from './database.ts';
import { sqliteFault } from './sqlite-fault.ts';

/**
 * `live.db`: what calls in progress must not lose, written from the loop in microseconds. Synced at checkpoints
 * only (`NORMAL`): it survives the death of the process, not of the machine.
 */
export interface LiveDatabase {
  readonly database: DatabaseSync;
  /** Runs reads or one write statement, translating what SQLite throws. */
  run<T>(work: () => T): T;
  /** Runs several writes as one. */
  readonly transact: Transact;
  /** Idempotent. */
  close(): void;
}

/** Opens `live.db` at `path`; its write-ahead log is copied back by the records thread. */
export function openLive(path: string): LiveDatabase {
  const database = openDatabase(path, { synchronous: 'NORMAL', isCheckpointedElsewhere: true, migrations: MIGRATIONS });
  return {
    database,
    run(work) {
      try {
        return work();
      } catch (thrown) {
        throw sqliteFault(thrown);
      }
    },
    transact: transactOn(database),
    close() {
      if (database.isOpen) database.close();
    },
  };
}

const MIGRATIONS: readonly string[] = [
  `
  -- A row outlives its call: a removed call keeps its epoch, so that it never goes back.
  CREATE TABLE calls (
    call_id TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    is_removed INTEGER NOT NULL,
    head TEXT,
    committed_at REAL,
    touched_at REAL NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE utterances (
    call_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (call_id, place)
  ) STRICT, WITHOUT ROWID;

  -- AUTOINCREMENT: a forgotten position is never given out again, so forgetting twice cannot forget another fact.
  CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL
  ) STRICT;

  -- content is NULL from the claim until the effect is known to have taken place.
  CREATE TABLE tool_uses (
    call_id TEXT NOT NULL,
    key TEXT NOT NULL,
    content TEXT,
    claimed_at REAL NOT NULL,
    PRIMARY KEY (call_id, key)
  ) STRICT, WITHOUT ROWID;
  `,
];

import type { DatabaseSync } from 'node:sqlite';
import { dialOperations } from './dials.ts';
import { eventLogOperations } from './event-log.ts';
import { jobOperations } from './jobs.ts';
import { recordsOperations } from './records.ts';
import { kyselyOver } from './records-schema.ts';
import type { ArchiveOperations } from './records-wire.ts';

/** What the records thread does through its query builder; whoever opened the database closes it. */
export function archiveOperations(database: DatabaseSync): ArchiveOperations {
  const db = kyselyOver(database);
  return {
    ...recordsOperations(db, database),
    ...eventLogOperations(db, database),
    ...jobOperations(db),
    ...dialOperations(db),
  };
}

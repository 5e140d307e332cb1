import { memoryRecords } from '../../src/adapters/memory/records.ts';
import { recordsContract } from './records.ts';
import { inMemory, inSqlite, ON_DISK } from './subject.ts';

recordsContract(
  'memory',
  inMemory(() => memoryRecords()),
);
recordsContract(
  'sqlite',
  inSqlite(({ records }) => records),
  ON_DISK,
);

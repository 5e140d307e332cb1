import { memoryJobs } from '../../src/adapters/memory/jobs.ts';
import { memoryRecords } from '../../src/adapters/memory/records.ts';
import { recordsContract } from './records.ts';
import { inMemory, inSqlite, ON_DISK } from './subject.ts';

recordsContract(
  'memory',
  inMemory((clock) => {
    const jobs = memoryJobs(clock);
    return { records: memoryRecords(jobs.add), jobs };
  }),
);
recordsContract(
  'sqlite',
  inSqlite((stores) => stores),
  ON_DISK,
);

import { memoryDials } from '../../src/adapters/memory/dials.ts';
import { memoryJobs } from '../../src/adapters/memory/jobs.ts';
import { dialsContract } from './dials.ts';
import { inMemory, inSqlite, ON_DISK } from './subject.ts';

dialsContract(
  'memory',
  inMemory((clock) => {
    const jobs = memoryJobs(clock);
    return { dials: memoryDials(clock, jobs.add), jobs };
  }),
);
dialsContract(
  'sqlite',
  inSqlite((stores) => stores),
  ON_DISK,
);

import { memoryEventLog } from '../../src/adapters/memory/event-log.ts';
import { eventLogContract } from './event-log.ts';
import { inMemory, inSqlite, ON_DISK } from './subject.ts';

eventLogContract('memory', inMemory(memoryEventLog));
eventLogContract(
  'sqlite',
  inSqlite(({ eventLog }) => eventLog),
  ON_DISK,
);

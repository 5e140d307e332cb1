import { memoryToolLedger } from '../../src/adapters/memory/tool-ledger.ts';
import { sqliteToolLedger } from '../../src/adapters/sqlite/tool-ledger.ts';
import { inLiveSqlite, inMemory, ON_DISK } from './subject.ts';
import { toolLedgerContract } from './tool-ledger.ts';

toolLedgerContract(
  'memory',
  inMemory(() => memoryToolLedger()),
);
toolLedgerContract('sqlite', inLiveSqlite(sqliteToolLedger), ON_DISK);

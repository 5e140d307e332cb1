import { memoryCallStore } from '../../src/adapters/memory/call-store.ts';
import { sqliteCallStore } from '../../src/adapters/sqlite/call-store.ts';
import { callStoreContract } from './call-store.ts';
import { inLiveSqlite, inMemory, ON_DISK } from './subject.ts';

callStoreContract('memory', inMemory(memoryCallStore));
callStoreContract('sqlite', inLiveSqlite(sqliteCallStore), ON_DISK);

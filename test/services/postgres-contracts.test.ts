import { describe } from 'vitest';
import { dialsContract } from '../contracts/dials.ts';
import { jobPlacesContract } from '../contracts/job-places.ts';
import { jobsContract } from '../contracts/jobs.ts';
import { recordsContract } from '../contracts/records.ts';
import { ON_DISK } from '../contracts/subject.ts';
import { toolLedgerContract } from '../contracts/tool-ledger.ts';
import { inPostgres } from './postgres-subject.ts';

describe('Postgres', () => {
  recordsContract(
    'postgres',
    inPostgres((stores) => stores),
    ON_DISK,
  );
  toolLedgerContract(
    'postgres',
    inPostgres(({ toolLedger }) => toolLedger),
    ON_DISK,
  );
  dialsContract(
    'postgres',
    inPostgres((stores) => stores),
    ON_DISK,
  );
  jobsContract(
    'postgres',
    inPostgres(({ jobs }) => jobs),
    ON_DISK,
  );
  jobPlacesContract(
    'postgres',
    inPostgres(({ jobs }) => jobs),
  );
});

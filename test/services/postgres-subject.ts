import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';
import { openPostgres, type PostgresStores } from '../../src/adapters/postgres/postgres.ts';
import { silentLog } from '../../src/std/log.ts';
import { ManualClock } from '../../src/std/manual-clock.ts';
import { type MakeSubject, signal } from '../contracts/subject.ts';
import { inTurn } from './in-turn.ts';

type Ports = Pick<PostgresStores, 'records' | 'toolLedger' | 'dials' | 'jobs'>;

/** One database that was brought forward, for all others to be copied from: that takes a fraction of the time. */
let template: Promise<string> | undefined;

/** A database that nobody else uses, like one that a fleet has used before. */
export async function newDatabase(): Promise<string> {
  template ??= makeTemplate();
  return createDatabase(await template);
}

/** A database that nobody has used. */
export async function emptyDatabase(): Promise<string> {
  return createDatabase('template0');
}

/** Runs one statement, or several without parameters, as somebody else would. */
export async function statement(url: string, text: string, values?: unknown[]): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(text, values);
    return rows;
  } finally {
    await client.end();
  }
}

/** Forgets a database, whoever still uses it. */
export async function dropDatabase(url: string): Promise<void> {
  await statement(inject('postgresUrl'), `DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
}

/** Lets time pass for what is stored: Postgres' own clock cannot be moved. */
export async function shiftTimes(url: string, ms: number): Promise<void> {
  await statement(
    url,
    `UPDATE offhook_jobs._private_jobs SET run_at = run_at - ${ms} * interval '1 ms', locked_at = locked_at - ${ms} * interval '1 ms';
     UPDATE offhook.job_workers SET seen_at = seen_at - ${ms} * interval '1 ms';
     UPDATE offhook.dials SET due_at = due_at - ${ms}, changed_at = changed_at - ${ms}, taken_at = taken_at - ${ms};
     NOTIFY "jobs:insert", '{"count":10}'`,
  );
}

/** Ports over two openings of one database, as two processes have them: every call of one goes to the next. */
export function inPostgres<Port>(pick: (stores: Ports) => Port): MakeSubject<Port> {
  return async () => {
    const url = await newDatabase();
    const clock = new ManualClock();
    const opened: PostgresStores[] = [];
    const open = async () => {
      const stores = await openPostgres(url, clock, silentLog, signal);
      opened.push(stores);
      return stores;
    };
    const both = await Promise.all([open(), open()]);
    const alternating = {
      records: inTurn(both.map(({ records }) => records)),
      toolLedger: inTurn(both.map(({ toolLedger }) => toolLedger)),
      dials: inTurn(both.map(({ dials }) => dials)),
      jobs: inTurn(both.map(({ jobs }) => jobs)),
    };
    return {
      port: pick(alternating),
      clock,
      async pass(ms) {
        await clock.advance(ms);
        await shiftTimes(url, ms);
      },
      async reopen() {
        for (const stores of opened) await stores.close();
        return pick(await open());
      },
      async close() {
        for (const stores of opened) await stores.close();
        await dropDatabase(url);
      },
    };
  };
}

async function makeTemplate(): Promise<string> {
  const url = await emptyDatabase();
  const stores = await openPostgres(url, new ManualClock(), silentLog, signal);
  await stores.close();
  return new URL(url).pathname.slice(1);
}

async function createDatabase(from: string): Promise<string> {
  const admin = inject('postgresUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await statement(admin, `CREATE DATABASE ${name} TEMPLATE ${from}`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return url.href;
}

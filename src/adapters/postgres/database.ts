import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely';
import { Pool, types } from 'pg';
import type { Log } from '../../std/log.ts';
import { untilAborted } from '../../std/signals.ts';
import { connectFault, isAnswer, postgresFault } from './postgres-fault.ts';
import { SCHEMA, type Tables } from './schema.ts';

/** Making a connection, or waiting for a free one. */
const CONNECT_TIMEOUT_MS = 1_000;
/** Postgres gives a statement up; a server that stands still cannot, so the driver does a little later. */
const STATEMENT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 6_000;
const IDLE_MS = 30_000;
/** The type of positions and counts; the driver gives them as text, since they could be beyond 2^53. */
const BIGINT = 20;

export interface PostgresDatabase {
  /** Runs single statements. Aborting rejects at once; what was asked may still be written. @throws Fault `postgres.*` */
  run<T>(work: (db: Kysely<Tables>) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Runs statements in one transaction: all of them or none. */
  transact<T>(work: (db: Kysely<Tables>) => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** @param prepared brings the database forward, once for all pools; when it fails, the next use tries again */
export function databaseOver(pool: Pool, prepared: () => Promise<void>): PostgresDatabase {
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: discerning(pool) }) }).withSchema(SCHEMA);
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      await prepared();
      return await work();
    } catch (thrown) {
      throw postgresFault(thrown);
    }
  };
  return {
    async run(work, signal) {
      signal.throwIfAborted();
      return untilAborted(
        attempt(() => work(db)),
        signal,
      );
    },
    async transact(work, signal) {
      signal.throwIfAborted();
      return untilAborted(
        attempt(() => db.transaction().execute(work)),
        signal,
      );
    },
  };
}

/** Connections, `max` at most, that are made when they are needed and given up when they are lost; opening one never fails. */
export function openPool(url: string, name: string, max: number, log: Log): Pool {
  const pool = new Pool({
    connectionString: url,
    application_name: name,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    allowExitOnIdle: true,
  });
  // Without listeners a connection that is lost, in use or not, would end the process; whoever uses it hears of it.
  const note = (error: Error) =>
    log.debug({ reason: postgresFault(error).reason }, 'a connection to Postgres was lost');
  pool.on('error', note);
  pool.on('connect', (client) => client.on('error', note));
  return pool;
}

/** The pool as kysely wants it, whose connections are not used again once one of their statements got no answer. */
function discerning(pool: Pool) {
  const connect = async (): Promise<PostgresPoolClient> => {
    const client = await pool.connect().catch((thrown: unknown) => {
      throw connectFault(thrown, pool.totalCount >= pool.options.max);
    });
    let lost: unknown;
    const query = async (text: string, values: readonly unknown[]) => {
      if (lost !== undefined) throw lost;
      try {
        return await client.query({ text, values: [...values], types: NUMBERS });
      } catch (thrown) {
        if (!isAnswer(thrown)) lost = thrown;
        throw thrown;
      }
    };
    return {
      // Kysely also asks for cursors, where one was configured; none is.
      query: query as unknown as PostgresPoolClient['query'],
      release: () => client.release(lost !== undefined),
    };
  };
  return { connect, end: () => pool.end(), options: {} };
}

const NUMBERS: { readonly getTypeParser: typeof types.getTypeParser } = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === BIGINT ? Number : types.getTypeParser(oid, format),
};

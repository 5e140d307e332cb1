import type { Pool, PoolClient } from 'pg';
import { Fault } from '../../std/fault.ts';
import { JOBS_SCHEMA, SCHEMA } from './schema.ts';

/**
 * Brings the database forward, one process at a time, and leaves it alone when there is nothing to do.
 *
 * @param prepareJobs brings the tables of jobs forward, on another connection, while nobody else migrates
 * @throws Fault `store.too_new` when a newer offhook wrote it
 */
export async function migrate(pool: Pool, prepareJobs: () => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended('offhook schema', 0))");
    const found = await versionOf(client);
    if (found > MIGRATIONS.length) throw tooNew(found);
    for (const sql of MIGRATIONS.slice(found)) await client.query(sql);
    if (found < MIGRATIONS.length)
      await client.query(`UPDATE ${SCHEMA}.schema_version SET version = $1`, [MIGRATIONS.length]);
    await prepareJobs();
    await client.query('COMMIT');
    client.release();
  } catch (thrown) {
    // Ending the connection undoes what it began.
    client.release(true);
    throw thrown;
  }
}

/** 0 where nothing of ours is there. Asks first: a user who may not create a schema can do without. */
async function versionOf(client: PoolClient): Promise<number> {
  const { rows: tables } = await client.query(`SELECT to_regclass('${SCHEMA}.schema_version') IS NOT NULL AS is_there`);
  if (tables[0]?.is_there !== true) return 0;
  const { rows } = await client.query(`SELECT version FROM ${SCHEMA}.schema_version`);
  return Number(rows[0]?.version ?? 0);
}

function tooNew(found: number): Fault {
  const known = MIGRATIONS.length;
  return new Fault('invalid', 'store.too_new', `expected a database of version ${known} or older, found ${found}`, {
    detail: { expected: known, found },
    effect: 'nobody is answered until it starts; what is stored stays as it is',
    fixes: ['run the newer offhook that wrote it', 'point DATABASE_URL at another database'],
  });
}

/** Number n brings a database of version n to n + 1; never edit one that was released. */
const MIGRATIONS: readonly string[] = [
  `
  DO $$ BEGIN IF to_regnamespace('${SCHEMA}') IS NULL THEN CREATE SCHEMA ${SCHEMA}; END IF; END $$;
  CREATE TABLE ${SCHEMA}.schema_version (version integer NOT NULL);
  INSERT INTO ${SCHEMA}.schema_version VALUES (0);

  -- One clock for all processes. A statement's time, not its transaction's: that is from before the statement that
  -- waited for a lock.
  CREATE FUNCTION ${SCHEMA}.now_ms() RETURNS double precision LANGUAGE sql STABLE
    AS $$ SELECT extract(epoch FROM statement_timestamp())::double precision * 1000 $$;

  CREATE TABLE ${SCHEMA}.webhooks (
    key text PRIMARY KEY,
    event text NOT NULL,
    call_id text,
    signed_at double precision NOT NULL,
    received_at double precision NOT NULL,
    body text NOT NULL
  );
  CREATE INDEX webhooks_by_call ON ${SCHEMA}.webhooks (call_id, event);

  CREATE TABLE ${SCHEMA}.outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event text NOT NULL
  );

  CREATE TABLE ${SCHEMA}.facts (
    call_id text NOT NULL,
    epoch integer NOT NULL,
    seq bigint NOT NULL,
    event text NOT NULL,
    PRIMARY KEY (call_id, epoch, seq)
  );

  CREATE TABLE ${SCHEMA}.calls (
    call_id text PRIMARY KEY,
    agent text NOT NULL,
    started_at double precision NOT NULL,
    ended_at double precision,
    reason text,
    turns integer
  );
  CREATE INDEX calls_by_start ON ${SCHEMA}.calls (started_at DESC, call_id);

  CREATE TABLE ${SCHEMA}.reports (call_id text PRIMARY KEY, report text NOT NULL);

  CREATE TABLE ${SCHEMA}.tool_uses (
    call_id text NOT NULL,
    fingerprint text NOT NULL,
    content text,
    claimed_at double precision NOT NULL DEFAULT ${SCHEMA}.now_ms(),
    PRIMARY KEY (call_id, fingerprint)
  );
  CREATE INDEX tool_uses_by_age ON ${SCHEMA}.tool_uses (claimed_at);

  CREATE TABLE ${SCHEMA}.dials (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    request text UNIQUE,
    fingerprint text NOT NULL,
    what text,
    state text NOT NULL,
    call_id text,
    reason text,
    takes integer NOT NULL DEFAULT 0,
    taken_at double precision,
    attempts integer NOT NULL DEFAULT 0,
    opened_at double precision NOT NULL DEFAULT ${SCHEMA}.now_ms(),
    changed_at double precision NOT NULL DEFAULT ${SCHEMA}.now_ms(),
    due_at double precision NOT NULL DEFAULT ${SCHEMA}.now_ms()
  );
  CREATE INDEX dials_by_state ON ${SCHEMA}.dials (state, place);
  CREATE INDEX dials_by_change ON ${SCHEMA}.dials (state, changed_at);
  CREATE INDEX dials_by_taking ON ${SCHEMA}.dials (taken_at);

  -- What was set aside leaves the queue: there it would only be in the way.
  CREATE TABLE ${SCHEMA}.dead_jobs (
    id bigint PRIMARY KEY,
    kind text NOT NULL,
    payload json NOT NULL,
    attempt integer NOT NULL,
    max_attempts integer NOT NULL,
    reason text NOT NULL,
    failed_at double precision NOT NULL DEFAULT ${SCHEMA}.now_ms()
  );
  CREATE INDEX dead_jobs_by_age ON ${SCHEMA}.dead_jobs (failed_at, id);

  -- Who works on jobs, and when it last said so: what a process that died had in hand is given to others.
  CREATE TABLE ${SCHEMA}.job_workers (id text PRIMARY KEY, seen_at timestamptz NOT NULL DEFAULT now());

  -- Adds a job to the caller's transaction, unless one of its kind and key waits. The row that waits is locked: until
  -- this transaction is through nobody begins it, so whoever does it then sees what was stored here.
  CREATE FUNCTION ${SCHEMA}.add_job(job_kind text, job_payload json, job_key text, delay_ms double precision, tries integer)
    RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    full_key text := job_kind || ':' || job_key;
  BEGIN
    IF full_key IS NOT NULL THEN
      PERFORM pg_advisory_xact_lock(hashtextextended('offhook job ' || full_key, 0));
      PERFORM FROM ${JOBS_SCHEMA}._private_jobs WHERE key = full_key AND is_available FOR UPDATE;
      IF FOUND THEN
        RETURN;
      END IF;
      -- It was begun: it keeps the tries that it has, and gives up its key.
      UPDATE ${JOBS_SCHEMA}._private_jobs SET key = NULL WHERE key = full_key;
    END IF;
    PERFORM ${JOBS_SCHEMA}.add_job(
      job_kind,
      job_payload,
      run_at => clock_timestamp() + delay_ms * interval '1 millisecond',
      max_attempts => tries,
      job_key => full_key
    );
  END $$;
  `,
];

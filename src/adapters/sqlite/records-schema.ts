import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { type Generated, Kysely, type RawBuilder, SqliteDialect, type SqliteStatement, sql } from 'kysely';
import type { StoredDial } from '../../ports/dials.ts';

/** `records.db` as kysely sees it. Times are epoch milliseconds, JSON is text. */
export interface RecordsTables {
  readonly webhooks: {
    readonly key: string;
    readonly event: string;
    readonly call_id: string | null;
    readonly signed_at: number;
    readonly received_at: number;
    readonly body: string;
  };
  readonly outbox: { readonly position: Generated<number>; readonly event: string };
  readonly facts: {
    readonly call_id: string;
    readonly epoch: number;
    readonly seq: number;
    readonly event: string;
  };
  /** The list of calls; `turns` is null while the call is not over. */
  readonly calls: {
    readonly call_id: string;
    readonly agent: string;
    readonly started_at: number;
    readonly ended_at: number | null;
    readonly reason: string | null;
    readonly turns: number | null;
  };
  readonly reports: { readonly call_id: string; readonly report: string };
  readonly events: {
    readonly position: Generated<number>;
    readonly call_id: string;
    readonly epoch: number;
    readonly seq: number;
    readonly event: string;
    readonly published_at: number;
  };
  readonly consumer_groups: {
    readonly name: string;
    /** Events up to this position were taken over into `deliveries`. */
    readonly position: number;
  };
  readonly deliveries: {
    readonly group_name: string;
    readonly position: number;
    readonly call_id: string;
    readonly attempt: number;
    /** Not delivered before: the end of a lease or of a retry's delay. */
    readonly due_at: number;
    readonly is_out: number;
  };
  readonly dead_letters: {
    readonly group_name: string;
    readonly position: number;
    readonly event: string;
    readonly kind: string;
    readonly reason: string;
    readonly message: string;
    readonly buried_at: number;
  };
  readonly jobs: {
    readonly id: Generated<number>;
    readonly kind: string;
    readonly key: string | null;
    /** JSON. */
    readonly payload: string;
    readonly state: 'waiting' | 'held' | 'dead';
    readonly due_at: number;
    /** Tries that were begun. */
    readonly attempt: number;
    readonly max_attempts: number;
    readonly reason: string | null;
    readonly failed_at: number | null;
  };
  readonly dials: {
    readonly place: Generated<number>;
    readonly id: string;
    /** A fingerprint of what the client calls it. */
    readonly request: string | null;
    readonly fingerprint: string;
    /** The order, as JSON; null once it is forgotten. */
    readonly what: string | null;
    readonly state: StoredDial['state'];
    readonly call_id: string | null;
    readonly reason: string | null;
    readonly takes: number;
    /** When it was taken last; null before the first time. */
    readonly taken_at: number | null;
    readonly attempts: number;
    readonly opened_at: number;
    readonly changed_at: number;
    readonly due_at: number;
  };
}

/** Far more than there are: SQL whose text varied without end would else be kept without end. */
const MAX_STATEMENTS = 200;

/**
 * Kysely over node:sqlite, which wants the parameters spread and says by its columns whether a statement reads. Each
 * statement is prepared once: preparing costs more than running it.
 */
export function kyselyOver(database: DatabaseSync): Kysely<RecordsTables> {
  const statements = new Map<string, SqliteStatement>();
  const prepare = (text: string): SqliteStatement => {
    const statement = database.prepare(text);
    const prepared: SqliteStatement = {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...bindable(parameters)),
      run: (parameters) => statement.run(...bindable(parameters)),
      iterate: (parameters) => statement.iterate(...bindable(parameters)),
    };
    if (statements.size < MAX_STATEMENTS) statements.set(text, prepared);
    return prepared;
  };
  return new Kysely<RecordsTables>({
    dialect: new SqliteDialect({
      database: { close: () => database.close(), prepare: (text) => statements.get(text) ?? prepare(text) },
    }),
  });
}

/** One parameter for a list of any length, so that its statement is one too. */
export function positionsIn(positions: readonly number[]): RawBuilder<number> {
  return sql<number>`(SELECT value FROM json_each(${JSON.stringify(positions)}))`;
}

function bindable(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters.map((value) => (typeof value === 'number' || value === null ? value : String(value)));
}

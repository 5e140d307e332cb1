import type { Generated } from 'kysely';
import type { StoredDial } from '../../ports/dials.ts';

/** What is ours in the database, apart from whatever else lives there. */
export const SCHEMA = 'offhook';
/** Where graphile-worker keeps its tables: ours alone too, whoever else of the database uses it. */
export const JOBS_SCHEMA = 'offhook_jobs';

/** The tables of `offhook` as kysely sees them. Times are epoch milliseconds, JSON is text: Postgres' own takes no NUL. */
export interface Tables {
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
  readonly tool_uses: {
    readonly call_id: string;
    /** Of the key: arguments are longer than an index takes. */
    readonly fingerprint: string;
    /** A JSON text; null from the claim until the effect is known to have taken place. */
    readonly content: string | null;
    readonly claimed_at: Generated<number>;
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
    readonly takes: Generated<number>;
    /** When it was taken last; null before the first time. */
    readonly taken_at: number | null;
    readonly attempts: Generated<number>;
    readonly opened_at: Generated<number>;
    readonly changed_at: Generated<number>;
    readonly due_at: Generated<number>;
  };
  readonly dead_jobs: {
    /** The id that it had while it waited. */
    readonly id: number;
    readonly kind: string;
    readonly payload: Readonly<Record<string, unknown>>;
    readonly attempt: number;
    readonly max_attempts: number;
    readonly reason: string;
    readonly failed_at: Generated<number>;
  };
}

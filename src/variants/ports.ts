import type { CallControl } from '../ports/call-control.ts';
import type { CallStore } from '../ports/call-store.ts';
import type { Dials } from '../ports/dials.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { Fleet, FleetMember } from '../ports/fleet.ts';
import type { Jobs } from '../ports/jobs.ts';
import type { LanguageModel } from '../ports/language-model.ts';
import type { Leases } from '../ports/leases.ts';
import type { Records } from '../ports/records.ts';
import type { ReplyCache } from '../ports/reply-cache.ts';
import type { ToolLedger } from '../ports/tool-ledger.ts';
import type { DependencyStatus } from '../servers/dependency-status.ts';
import type { NotReady } from '../servers/probes.ts';

/** A variant, as the rest of the house sees it: an adapter for every port. */
export interface Ports {
  readonly callStore: CallStore;
  readonly toolLedger: ToolLedger;
  readonly leases: Leases;
  readonly replyCache: ReplyCache;
  readonly eventLog: EventLog;
  readonly records: Records;
  readonly jobs: Jobs;
  readonly dials: Dials;
  /** Absent without RETELL_API_KEY. */
  readonly callControl: CallControl | undefined;
  /** The environment's model; absent without OPENAI_API_KEY. */
  readonly model: LanguageModel | undefined;
  /** How what may be away is doing. */
  dependencies(): readonly DependencyStatus[];
  /** What keeps new calls away, beside a stop. */
  notReadyBecause(): readonly NotReady[];
  /** Joins the other processes that serve calls, if there are any; once. */
  join(member: FleetMember): Fleet;
  /** Loads what the first turn would else wait for. Asked once calls are taken: no start waits for it. */
  warmUp(): Promise<void>;
  /** Closes what was opened, in reverse; idempotent. */
  close(): Promise<void>;
}

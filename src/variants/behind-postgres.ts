import type { PostgresStores } from '../adapters/postgres/postgres.ts';
import type { Dials } from '../ports/dials.ts';
import type { Jobs } from '../ports/jobs.ts';
import type { Records } from '../ports/records.ts';
import type { ToolLedger } from '../ports/tool-ledger.ts';
import type { Ask, Dependency } from '../resilience/dependency.ts';

/** The part of the records that callers and webhooks do not wait for. */
type Archive = Omit<Records, 'acceptWebhook' | 'isNamed' | 'isEnded'>;

/** The ports of Postgres, each question behind its deadline and breaker, and in the class it belongs to. */
export interface BehindPostgres {
  readonly archive: Archive;
  readonly toolLedger: ToolLedger;
  readonly dials: Dials;
  readonly jobs: Jobs;
}

/**
 * Whoever is on the line, a tool or a webhook is answered in time or not at all; the back office waits for its turn,
 * so that no backlog of it takes their places.
 */
export function behindPostgres(kept: PostgresStores, postgres: Dependency): BehindPostgres {
  const inTurn = postgres.inTurn(kept.backgroundPlaces);
  return {
    archive: archiveBehind(inTurn, kept.records),
    toolLedger: ledgerBehind(postgres.run, inTurn, kept.toolLedger),
    dials: dialsBehind(postgres.run, inTurn, kept.dials),
    jobs: jobsBehind(inTurn, kept.jobs),
  };
}

function archiveBehind(inTurn: Ask, records: Archive): Archive {
  return {
    saveFact: (event, signal) => inTurn((within) => records.saveFact(event, within), signal),
    facts: (callId, signal) => inTurn((within) => records.facts(callId, within), signal),
    saveReport: (report, signal) => inTurn((within) => records.saveReport(report, within), signal),
    report: (callId, signal) => inTurn((within) => records.report(callId, within), signal),
    listCalls: (limit, before, signal) => inTurn((within) => records.listCalls(limit, before, within), signal),
    pendingFacts: (limit, signal) => inTurn((within) => records.pendingFacts(limit, within), signal),
    forgetFacts: (positions, signal) => inTurn((within) => records.forgetFacts(positions, within), signal),
  };
}

/** Without it no tool acts once: the desk says so, and the caller hears it. */
function ledgerBehind(ask: Ask, inTurn: Ask, ledger: ToolLedger): ToolLedger {
  return {
    claim: (callId, key, signal) => ask((within) => ledger.claim(callId, key, within), signal),
    takeOver: (callId, key, claimId, signal) => ask((within) => ledger.takeOver(callId, key, claimId, within), signal),
    settle: (callId, key, content, signal) => ask((within) => ledger.settle(callId, key, content, within), signal),
    release: (callId, key, claimId, signal) => ask((within) => ledger.release(callId, key, claimId, within), signal),
    forget: (callId, signal) => inTurn((within) => ledger.forget(callId, within), signal),
  };
}

/** Without it no order is taken, and nobody is dialled. */
function dialsBehind(ask: Ask, inTurn: Ask, dials: Dials): Dials {
  return {
    open: (dial, limit, signal) => ask((within) => dials.open(dial, limit, within), signal),
    take: (terms, signal) => ask((within) => dials.take(terms, within), signal),
    begin: (dial, signal) => ask((within) => dials.begin(dial, within), signal),
    settle: (dial, outcome, jobs, signal) => ask((within) => dials.settle(dial, outcome, jobs, within), signal),
    postpone: (dial, delayMs, signal) => ask((within) => dials.postpone(dial, delayMs, within), signal),
    cancel: (id, signal) => ask((within) => dials.cancel(id, within), signal),
    find: (id, signal) => ask((within) => dials.find(id, within), signal),
    list: (states, limit, signal) => ask((within) => dials.list(states, limit, within), signal),
    waiting: (signal) => ask((within) => dials.waiting(within), signal),
    dueIn: (signal) => ask((within) => dials.dueIn(within), signal),
    position: (id, signal) => ask((within) => dials.position(id, within), signal),
    abandon: (olderThanMs, signal) => inTurn((within) => dials.abandon(olderThanMs, within), signal),
  };
}

/** Who does jobs waits for Postgres by itself, on connections of its own. */
function jobsBehind(inTurn: Ask, jobs: Jobs): Jobs {
  return {
    enqueue: (added, signal) => inTurn((within) => jobs.enqueue(added, within), signal),
    work: jobs.work,
    deadJobs: (limit, before, signal) => inTurn((within) => jobs.deadJobs(limit, before, within), signal),
    deadJob: (id, signal) => inTurn((within) => jobs.deadJob(id, within), signal),
    requeue: (id, signal) => inTurn((within) => jobs.requeue(id, within), signal),
  };
}

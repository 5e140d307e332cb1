import type { CallEvent } from '../call/events.ts';
import { buildReport } from '../call/report.ts';
import type { CallStore } from '../ports/call-store.ts';
import type { ConsumerGroup } from '../ports/event-log.ts';
import type { Records } from '../ports/records.ts';
import type { ToolLedger } from '../ports/tool-ledger.ts';
import type { Handle } from './worker.ts';

export const ARCHIVE_GROUP: ConsumerGroup = { name: 'archive' };
/** The `reason` in the report of a call that is to be called back. */
const OWED_CALLBACK = 'refused_callback';

export interface ArchiveOptions {
  readonly records: Records;
  readonly callStore: CallStore;
  readonly toolLedger: ToolLedger;
}

/**
 * Keeps every fact, and a report of every call. The call's live state is removed only once its report is saved, so
 * a crash at any point leaves one of the two, and the next delivery finishes the work. A report is built from all
 * facts there are: whether Retell's account or our own comes first makes no difference to it.
 */
export function archiveHandler({ records, callStore, toolLedger }: ArchiveOptions): Handle {
  return async (event, signal) => {
    const { callId } = event;
    await records.saveFact(event, signal);
    if (!isConclusive(event)) return;

    const stored = await callStore.load(callId, signal);
    const facts = await records.facts(callId, signal);
    const isEnded = facts.some(({ type }) => type === 'call.ended');
    // Retell says it is over, but it has not been ended here: the closer does, and `call.ended` comes back.
    if (stored && !isEnded) return;

    const before = await records.report(callId, signal);
    const report = buildReport(callId, { stored, facts, before });
    await records.saveReport(isOwedCallback(facts) ? { ...report, reason: OWED_CALLBACK } : report, signal);
    if (!isEnded) return;
    await callStore.remove(callId, signal);
    await toolLedger.forget(callId, signal);
  };
}

/**
 * Whether the caller was turned away with the promise of a call back, and never got through. Retell's account of such
 * a call says only that we hung up: whoever calls back has to find it.
 */
function isOwedCallback(facts: readonly CallEvent[]): boolean {
  const isPromised = facts.some((fact) => fact.type === 'call.refused' && fact.action === 'callback');
  return isPromised && !facts.some(({ type }) => type === 'call.started');
}

/** Facts after which there is a report: a refused call, and one known from its webhook alone, get a short one. */
function isConclusive({ type }: CallEvent): boolean {
  return type === 'call.ended' || type === 'call.reported' || type === 'call.refused';
}

import type { CallId, StoredCall } from './call.ts';
import type { CallEvent } from './events.ts';
import { transcriptOf } from './snapshot.ts';
import type { Transcript } from './transcript.ts';

/** A finished call as the archive keeps it: our account, and Retell's when its webhook has come. */
export interface CallReport {
  readonly callId: CallId;
  readonly agent: { readonly name: string; readonly version: string };
  readonly startedAt: number;
  readonly endedAt: number;
  /** Retell's disconnection_reason where known, else ours: an open set. */
  readonly reason: string;
  readonly turns: number;
  readonly tools: readonly { readonly name: string; readonly outcome: 'done' | 'failed' | 'unknown' }[];
  readonly transcript: Transcript;
}

/** What a report is built from: the more of it there is, the fuller the report. */
export interface ReportSources {
  /** The call as it was last stored, until its live state is removed. */
  readonly stored: StoredCall | undefined;
  readonly facts: readonly CallEvent[];
  /** The report that is there already: it keeps the words once the live state is gone. */
  readonly before: CallReport | undefined;
}

/** Who answered is not known: a call refused at the door, or known from its webhook alone. */
const NOBODY: CallReport['agent'] = { name: 'unknown', version: 'unknown' };

/** The report of a call. The same sources give the same report, in whatever order the facts arrived. */
export function buildReport(callId: CallId, { stored, facts, before }: ReportSources): CallReport {
  const inOrder = [...facts].sort(byOrder);
  const started = inOrder.find((fact) => fact.type === 'call.started');
  const ended = inOrder.find((fact) => fact.type === 'call.ended');
  const reported = inOrder.find((fact) => fact.type === 'call.reported');
  const refused = inOrder.find((fact) => fact.type === 'call.refused');
  const agentStarted = started && { name: started.agent, version: started.agentVersion };
  const earliest = Math.min(before?.startedAt ?? Number.POSITIVE_INFINITY, ...inOrder.map(beganBy));
  const startedAt = stored?.head.startedAt ?? started?.at ?? earliest;

  return {
    callId,
    agent: stored?.head.agent ?? agentStarted ?? before?.agent ?? NOBODY,
    startedAt,
    endedAt: ended?.at ?? reported?.at ?? refused?.at ?? before?.endedAt ?? startedAt,
    reason: reported?.disconnectionReason ?? ended?.reason ?? (refused ? 'refused' : (before?.reason ?? 'unknown')),
    turns: countTurns(inOrder),
    tools: inOrder.flatMap((fact) => (fact.type === 'call.tool' ? [{ name: fact.name, outcome: fact.outcome }] : [])),
    transcript: stored ? transcriptOf(stored) : (before?.transcript ?? []),
  };
}

/** Turns in which the caller was answered: a re-ask supersedes its turn, which then is none. */
export function countTurns(facts: readonly CallEvent[]): number {
  const answered = facts.flatMap((fact) =>
    fact.type === 'call.turn' && fact.outcome !== 'superseded' ? [fact.responseId] : [],
  );
  return new Set(answered).size;
}

/** The order promised among the facts of one call. */
export function byOrder(a: CallEvent, b: CallEvent): number {
  return a.epoch - b.epoch || a.seq - b.seq;
}

/** The call had begun by then. Retell's report says how long it had lasted. */
function beganBy(fact: CallEvent): number {
  return fact.type === 'call.reported' ? fact.at - (fact.durationMs ?? 0) : fact.at;
}

import type { CallId } from '../../call/call.ts';
import type { CallEvent } from '../../call/events.ts';
import { byOrder, type CallReport, countTurns } from '../../call/report.ts';
import type { NewJob } from '../../ports/jobs.ts';
import type { CallSummary, Records, WebhookRecord } from '../../ports/records.ts';
import { memoryOutbox } from './outbox.ts';

/** The archive in memory, for tests of other rooms; `addJobs` takes the jobs of what is stored. */
export function memoryRecords(addJobs: (jobs: readonly NewJob[]) => void = () => {}): Records {
  const webhooks = new Map<string, WebhookRecord>();
  const facts = new Map<string, CallEvent>();
  const reports = new Map<CallId, CallReport>();
  const outbox = memoryOutbox();

  const factsOf = (callId: CallId) => [...facts.values()].filter((fact) => fact.callId === callId).sort(byOrder);
  const summaries = (): readonly CallSummary[] => {
    const found = new Map<CallId, CallSummary>();
    for (const fact of facts.values()) {
      if (fact.type !== 'call.started' || found.has(fact.callId)) continue;
      const { callId, agent, at: startedAt } = fact;
      const turns = countTurns(factsOf(callId));
      found.set(callId, { callId, agent, startedAt, endedAt: undefined, reason: undefined, turns });
    }
    for (const { callId, agent, startedAt, endedAt, reason, turns } of reports.values())
      found.set(callId, { callId, agent: agent.name, startedAt, endedAt, reason, turns });
    return [...found.values()];
  };

  return {
    async acceptWebhook(webhook, followUp, signal) {
      signal.throwIfAborted();
      const before = webhooks.get(webhook.key);
      const isNewer = webhook.event === 'transcript_updated' && before && webhook.signedAt > before.signedAt;
      if (before && !isNewer) return 'duplicate';
      webhooks.set(webhook.key, webhook);
      outbox.append(followUp.facts);
      addJobs(followUp.jobs);
      return 'stored';
    },
    async isNamed(callId, signal) {
      signal.throwIfAborted();
      return [...webhooks.values()].some((webhook) => webhook.callId === callId);
    },
    async isEnded(callId, signal) {
      signal.throwIfAborted();
      return [...webhooks.values()].some((webhook) => webhook.callId === callId && webhook.event === 'call_ended');
    },
    async saveFact(event, signal) {
      signal.throwIfAborted();
      const key = `${event.callId} ${event.epoch} ${event.seq}`;
      if (!facts.has(key)) facts.set(key, event);
    },
    async facts(callId, signal) {
      signal.throwIfAborted();
      return factsOf(callId);
    },
    async saveReport(report, signal) {
      signal.throwIfAborted();
      reports.set(report.callId, report);
    },
    async report(callId, signal) {
      signal.throwIfAborted();
      return reports.get(callId);
    },
    async listCalls(limit, before, signal) {
      signal.throwIfAborted();
      return summaries()
        .filter(({ startedAt }) => before === undefined || startedAt < before)
        .sort((a, b) => b.startedAt - a.startedAt || (a.callId < b.callId ? -1 : 1))
        .slice(0, limit);
    },
    async pendingFacts(limit, signal) {
      signal.throwIfAborted();
      return outbox.pending(limit);
    },
    async forgetFacts(positions, signal) {
      signal.throwIfAborted();
      outbox.forget(positions);
    },
  };
}

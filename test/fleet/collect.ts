import { openPostgres } from '../../src/adapters/postgres/postgres.ts';
import { openRedis } from '../../src/adapters/redis/redis.ts';
import { type CallId, parseCallId } from '../../src/call/call.ts';
import type { CallEvent } from '../../src/call/events.ts';
import type { EventLog } from '../../src/ports/event-log.ts';
import { sleep, systemClock } from '../../src/std/clock.ts';
import { silentLog } from '../../src/std/log.ts';
import type { Fleet } from './fleet.ts';
import type { History, HistoryCall } from './history.ts';

/** What calls of a fleet left in its stores. */
export type Traces = Pick<History, 'published' | 'archived' | 'reported'>;

const LOOK_EVERY_MS = 250;
/** The checker's own patience: nobody is on the line. */
const TIMEOUT_MS = 2_000;

/** Waits until every call is archived, or the time is up, and reads what there is; what is missing the checker finds. */
export async function collect(
  fleet: Fleet,
  calls: readonly Pick<HistoryCall, 'callId' | 'kind'>[],
  withinMs: number,
  signal: AbortSignal,
): Promise<Traces> {
  const live = await openRedis(fleet.redis.url, systemClock, silentLog, { timeoutMs: TIMEOUT_MS }, signal);
  const kept = await openPostgres(fleet.databaseUrl, systemClock, silentLog, signal);
  const callIds = calls.flatMap(({ callId, kind }) => (kind === 'unreached' ? [] : (parseCallId(callId) ?? [])));
  const isArchived = async (callId: CallId) => {
    const facts = await kept.records.facts(callId, signal);
    const isEnded = facts.some(({ type }) => type === 'call.ended' || type === 'call.refused');
    return isEnded && facts.some(({ type }) => type === 'call.reported');
  };
  try {
    const deadline = systemClock.now() + withinMs;
    let waiting = callIds;
    while (systemClock.now() < deadline) {
      const done = await Promise.all(waiting.map(isArchived));
      waiting = waiting.filter((_callId, index) => !done[index]);
      if (waiting.length === 0 && (await live.callStore.pendingFacts(1, signal)).length === 0) break;
      await sleep(systemClock, LOOK_EVERY_MS, signal);
    }
    const published = await readLog(live.eventLog, signal);
    const archived = (await Promise.all(callIds.map((callId) => kept.records.facts(callId, signal)))).flat();
    const reports = await Promise.all(callIds.map((callId) => kept.records.report(callId, signal)));
    const reported = new Set(reports.flatMap((report) => (report ? [report.callId] : [])));
    const ours = new Set<string>(callIds);
    return { published: published.filter(({ callId }) => ours.has(callId)), archived, reported };
  } finally {
    await Promise.all([live.close(), kept.close()]);
  }
}

/** All facts of the log, in its order within each call, as a consumer group that nobody else is in. */
async function readLog(eventLog: EventLog, signal: AbortSignal): Promise<readonly CallEvent[]> {
  const group = { name: `checker-${systemClock.now()}` };
  const facts: CallEvent[] = [];
  for (;;) {
    const batch = await eventLog.read(group, 200, 60_000, signal);
    if (batch.length === 0) return facts;
    for (const { id, event } of batch) {
      facts.push(event);
      await eventLog.ack(group.name, id, signal);
    }
  }
}

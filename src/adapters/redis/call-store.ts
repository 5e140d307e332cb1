import type { CallHead, CallId, StoredCall } from '../../call/call.ts';
import type { CallEvent } from '../../call/events.ts';
import { CALL_TTL_MS } from '../../call/live-call.ts';
import type { PlacedUtterance } from '../../call/transcript.ts';
import type { Commit, SharedCallStore } from '../../ports/call-store.ts';
import type { Clock } from '../../std/clock.ts';
import { randomHex } from '../../std/random.ts';
import { COMMIT, ENQUEUE, LIST, REMOVE, TAKE } from './call-scripts.ts';
import type { RedisConnection } from './connection.ts';
import { fleetChannels } from './fleet.ts';
import { callIdOf, listOf, numberOf, pairsOf, textOf } from './replies.ts';

/** Half an hour beyond the time at which the sweep ends a call adrift: it must still find what it is to end. */
const KEEP_MS = CALL_TTL_MS + 30 * 60_000;
/** For what no caller waits for: a reply of many kilobytes may take longer than a call's share. */
const BACK_OFFICE_TIMEOUT_MS = 1_000;

/** Live calls in Redis: every write is one script, refused as a whole unless its epoch holds the call. */
export function redisCallStore(redis: RedisConnection, clock: Clock): SharedCallStore {
  const { taken } = fleetChannels(redis);
  const callKey = (callId: string) => redis.key(`call:${callId}`);
  const calls = redis.key('calls');
  const outbox = redis.key('outbox');
  const outboxKeys = [outbox, redis.key('outbox-last')];
  // Tells this process from another that counted the same epoch, while a take whose answer was lost stays its own.
  const holder = randomHex(8);

  const write = async (
    how: 'commit' | 'restore' | 'claim',
    callId: CallId,
    epoch: number,
    { head, appended, facts }: Commit,
    signal: AbortSignal,
  ) => {
    const utterances = appended.flatMap(({ index, role, content }) => [index, JSON.stringify([role, content])]);
    const terms = [callId, epoch, how, KEEP_MS, taken, holder];
    const content = [
      JSON.stringify(head),
      appended.length,
      ...utterances,
      ...facts.map((fact) => JSON.stringify(fact)),
    ];
    const keys = [callKey(callId), calls, ...outboxKeys];
    const written = await redis.run(COMMIT, keys, [...terms, ...content], signal);
    return numberOf(written) === 1 ? 'committed' : 'fenced';
  };

  return {
    async take(callId, signal) {
      const kept = await redis.run(TAKE, [callKey(callId)], [callId, KEEP_MS, taken, holder], signal);
      const fields = new Map(pairsOf(kept));
      return { epoch: numberOf(fields.get('epoch')), stored: storedOf(fields) };
    },
    commit: (callId, epoch, commit, signal) => write('commit', callId, epoch, commit, signal),
    restore: (callId, epoch, countedBy, whole, signal) =>
      write(countedBy === 'memory' ? 'claim' : 'restore', callId, epoch, whole, signal),
    async load(callId, signal) {
      return storedOf(new Map(Object.entries(await redis.ask((client) => client.hgetall(callKey(callId)), signal))));
    },
    async list(signal) {
      const found = listOf(await redis.run(LIST, [calls], [KEEP_MS, callKey('')], signal, BACK_OFFICE_TIMEOUT_MS));
      // Ages, not times, cross from Redis' clock to ours.
      const now = clock.now();
      return found.map((entry) => {
        const [callId, ageMs, text] = listOf(entry);
        const head: CallHead = JSON.parse(textOf(text));
        return { callId: callIdOf(callId), committedAt: now - numberOf(ageMs), head };
      });
    },
    async remove(callId, signal) {
      await redis.run(REMOVE, [callKey(callId), calls], [callId, KEEP_MS], signal);
    },
    async enqueue(facts, signal) {
      await redis.run(
        ENQUEUE,
        outboxKeys,
        facts.map((fact) => JSON.stringify(fact)),
        signal,
      );
    },
    async pendingFacts(limit, signal) {
      const entries = await redis.ask(
        (client) => client.xrange(outbox, '-', '+', 'COUNT', limit),
        signal,
        BACK_OFFICE_TIMEOUT_MS,
      );
      return entries.map((entry) => {
        const [id, fields] = listOf(entry);
        const event: CallEvent = JSON.parse(textOf(listOf(fields)[1]));
        return { position: Number.parseInt(textOf(id), 10), event };
      });
    },
    async forgetFacts(positions, signal) {
      if (positions.length === 0) return;
      const ids = positions.map((position) => `${position}-0`);
      await redis.ask((client) => client.xdel(outbox, ...ids), signal, BACK_OFFICE_TIMEOUT_MS);
    },
  };
}

function storedOf(fields: ReadonlyMap<string, string>): StoredCall | undefined {
  const text = fields.get('head');
  if (text === undefined) return undefined;
  const head: CallHead = JSON.parse(text);
  const utterances: PlacedUtterance[] = [];
  for (const [field, value] of fields) {
    const [, index] = /^u(\d+)$/.exec(field) ?? [];
    if (index === undefined) continue;
    const [role, content]: readonly [PlacedUtterance['role'], string] = JSON.parse(value);
    utterances.push({ index: Number(index), role, content });
  }
  return { head, utterances: utterances.sort((a, b) => a.index - b.index) };
}

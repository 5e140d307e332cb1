import type { CallEvent } from '../../call/events.ts';
import type { Delivery, EventLog } from '../../ports/event-log.ts';
import type { Clock } from '../../std/clock.ts';
import type { RedisConnection } from './connection.ts';
import { ACK, BURY, PUBLISH, READ, RETRY } from './event-log-scripts.ts';
import { listOf, numberOf, textOf } from './replies.ts';
import type { Script } from './script.ts';

const HOUR_MS = 3_600_000;
/** What every group has settled, for one that begins late, or for whoever looks after a fault. */
const KEEP_SETTLED_MS = HOUR_MS;
/** What a group has not settled: longer than any stands still. */
const KEEP_EVENTS_MS = 7 * 24 * HOUR_MS;
/**
 * A fact comes twice when its relay died, or heard no answer, between publishing and forgetting it: the next look at
 * the outbox publishes it again, a second later, or once the outbox's store is back; every try begins this time anew.
 * After a longer outage a batch may come twice, which changes nothing: workers handle a fact by its place.
 */
const KEEP_SEEN_MS = HOUR_MS;
const KEEP_DEAD_LETTERS = 10_000;
/** No caller waits for these. */
const TIMEOUT_MS = 1_000;

/** The event log in Redis. Time is Redis' own, and a delivery's id names its call: no worker keeps what another needs. */
export function redisEventLog(redis: RedisConnection, clock: Clock): EventLog {
  /** What Redis' clock was ahead of ours, at least, when it last answered a read. */
  let aheadMs: number | undefined;
  const log = redis.key('log');
  const ofGroups = redis.key('log:');
  const ofGroup = (group: string) => `${ofGroups}${group}:`;

  /** Tells of a delivery; one that was never given is nobody's. */
  const settle = async (
    script: Script,
    keys: readonly string[],
    group: string,
    id: string,
    args: readonly (string | number)[],
    signal: AbortSignal,
  ) => {
    const [entry = '', callId = ''] = id.split(' ');
    await redis.run(script, keys, [ofGroup(group), callId, entry, ...args], signal, TIMEOUT_MS);
  };

  return {
    async publish(events, signal) {
      const args = events.flatMap((event) => [
        event.callId,
        `${event.epoch}:${event.seq}`,
        event.type,
        JSON.stringify(event),
      ]);
      const terms = [KEEP_SETTLED_MS, KEEP_EVENTS_MS, ofGroups, redis.key('log-seen:'), KEEP_SEEN_MS];
      await redis.run(PUBLISH, [log, redis.key('log-time')], [...terms, ...args], signal, TIMEOUT_MS);
    },

    async read({ name, types }, limit, leaseMs, signal) {
      const keys = [log, redis.key('log-groups')];
      for (;;) {
        // A Redis that stood still reads later what was asked of it: by then nobody waits for the deliveries.
        const until = aheadMs === undefined ? '' : Math.ceil(clock.now() + aheadMs + TIMEOUT_MS);
        const terms = [name, ofGroup(name), limit, leaseMs, until, ...(types ?? [])];
        const [isMore, now, ...flat] = listOf(await redis.run(READ, keys, terms, signal, TIMEOUT_MS));
        aheadMs = numberOf(now) - clock.now();
        // What was taken over may all have passed the group by.
        if (flat.length > 0 || numberOf(isMore) === 0) return deliveriesOf(flat);
      }
    },

    ack: (group, id, signal) => settle(ACK, [], group, id, [], signal),
    retry: (group, id, delayMs, signal) => settle(RETRY, [], group, id, [delayMs], signal),
    bury: (group, id, { kind, reason, message }, signal) =>
      settle(BURY, [log, redis.key('log-dead')], group, id, [group, kind, reason, message, KEEP_DEAD_LETTERS], signal),
  };
}

function deliveriesOf(flat: readonly unknown[]): readonly Delivery[] {
  const deliveries: Delivery[] = [];
  for (let i = 0; i + 3 < flat.length; i += 4) {
    const event: CallEvent = JSON.parse(textOf(flat[i + 3]));
    deliveries.push({ id: `${textOf(flat[i])} ${textOf(flat[i + 1])}`, event, attempt: numberOf(flat[i + 2]) });
  }
  return deliveries;
}

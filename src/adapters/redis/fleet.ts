import { randomUUID } from 'node:crypto';
import { type Action, type CallId, parseCallId } from '../../call/call.ts';
import type { Fleet, FleetMember } from '../../ports/fleet.ts';
import type { Clock } from '../../std/clock.ts';
import { isRecord, parseJson } from '../../std/json.ts';
import { newClient, type RedisConnection } from './connection.ts';

export interface RedisFleet extends Fleet {
  close(): void;
}

/** A silent line would else be taken for a quiet one. */
const PING_EVERY_MS = 1_000;
const HEARD_WITHIN_MS = 500;

/** The channels; `taken` is published by the scripts, as `<epoch> <call id>`. */
export function fleetChannels(redis: Pick<RedisConnection, 'key'>) {
  return { taken: redis.key('taken'), say: redis.key('say'), said: redis.key('said') };
}

/**
 * Joins the processes of a fleet, on a connection of its own: hears of calls that are taken, by this process too, and
 * passes on what is to be said in calls served elsewhere. Nothing of it is stored, and what is published while the
 * connection is lost is not heard: a holder that missed that its call was taken is fenced at its next commit.
 */
export function joinFleet(url: string, redis: RedisConnection, clock: Clock, member: FleetMember): RedisFleet {
  const { taken, say, said } = fleetChannels(redis);
  const waiting = new Map<string, (isSaid: boolean) => void>();
  const lifetime = new AbortController();
  const subscriber = newClient(url);
  subscriber.on('message', (channel, message) => {
    if (channel === taken) onTaken(message);
    else if (channel === say) onSay(message);
    else waiting.get(message)?.(true);
  });
  // The connection for commands says what there is to say of an outage.
  subscriber.on('error', () => {});
  subscriber.on('ready', () => {
    subscriber.subscribe(taken, say, said).catch(() => subscriber.disconnect(true));
  });
  subscriber.connect().catch(() => undefined);
  const stopPinging = clock.every(PING_EVERY_MS, () => {
    // No answer within the time of silence, and the client connects anew.
    subscriber.ping().catch(() => undefined);
  });

  return {
    async interject(callId, text, action, signal) {
      const id = randomUUID();
      const heard = Promise.withResolvers<boolean>();
      waiting.set(id, heard.resolve);
      const cancel = clock.after(HEARD_WITHIN_MS, () => heard.resolve(false));
      try {
        await redis.ask((client) => client.publish(say, JSON.stringify({ id, callId, text, action })), signal);
        return await heard.promise;
      } finally {
        cancel();
        waiting.delete(id);
      }
    },
    close() {
      stopPinging();
      subscriber.disconnect();
      lifetime.abort();
    },
  };

  function onTaken(message: string): void {
    const [epoch, id = ''] = message.split(' ');
    const callId = parseCallId(id);
    if (callId !== undefined) member.fence(callId, Number(epoch));
  }

  function onSay(message: string): void {
    const word = parseWord(message);
    if (!word || !member.interject(word.callId, word.text, word.action)) return;
    // When this is not heard the asker takes it for unsaid; the caller has heard it.
    redis.ask((client) => client.publish(said, word.id), lifetime.signal).catch(() => undefined);
  }
}

interface Word {
  readonly id: string;
  readonly callId: CallId;
  readonly text: string;
  readonly action: Action | undefined;
}

/** What another process wants said; undefined when it is of a version that we cannot read. */
function parseWord(message: string): Word | undefined {
  const value = parseJson(message);
  if (!isRecord(value)) return undefined;
  const { id, callId: named, text, action } = value;
  const callId = typeof named === 'string' ? parseCallId(named) : undefined;
  if (typeof id !== 'string' || typeof text !== 'string' || !callId) return undefined;
  if (action === undefined) return { id, callId, text, action };
  const known = parseAction(action);
  return known && { id, callId, text, action: known };
}

function parseAction(value: unknown): Action | undefined {
  if (!isRecord(value)) return undefined;
  const { kind, number, showCaller, digits } = value;
  if (kind === 'end') return { kind };
  if (kind === 'digits' && typeof digits === 'string') return { kind, digits };
  if (kind !== 'transfer' || typeof number !== 'string') return undefined;
  return { kind, number, ...(typeof showCaller === 'boolean' && { showCaller }) };
}

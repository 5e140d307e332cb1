import { randomUUID } from 'node:crypto';
import { type Action, type CallId, parseCallId } from '../../call/call.ts';
import type { Clock } from '../../std/clock.ts';
import { parseJson } from '../../std/json.ts';
import type { RedisConnection } from './connection.ts';
import { listenTo } from './listen.ts';

/** Says it in a call; false when the call is not served here. */
export type Interject = (callId: CallId, text: string, action: Action | undefined) => boolean;

export interface Interjections {
  /** Has it said by the process that serves the call; false when none says within half a second that it does. */
  interject(callId: CallId, text: string, action: Action | undefined, signal: AbortSignal): Promise<boolean>;
  close(): void;
}

interface Told {
  readonly id: string;
  readonly callId: string;
  readonly text: string;
  readonly action?: Action;
}

const HEARD_WITHIN_MS = 500;

/** Passes on what is to be said in calls, between all processes. Nothing of it is stored. */
export function openInterjections(
  url: string,
  redis: RedisConnection,
  clock: Clock,
  interjectHere: Interject,
): Interjections {
  const [say, said] = [redis.key('say'), redis.key('said')];
  const waiting = new Map<string, (isSaid: boolean) => void>();
  const lifetime = new AbortController();

  const onSay = (message: string) => {
    // Only our own processes publish here.
    const told = parseJson(message) as Told | undefined;
    const callId = told && parseCallId(told.callId);
    if (!callId || !interjectHere(callId, told.text, told.action)) return;
    redis.ask((client) => client.publish(said, told.id), lifetime.signal).catch(() => undefined); // the caller heard it
  };
  const stop = listenTo(url, { [say]: onSay, [said]: (id) => waiting.get(id)?.(true) }, clock);

  return {
    async interject(callId, text, action, signal) {
      const id = randomUUID();
      const heard = Promise.withResolvers<boolean>();
      waiting.set(id, heard.resolve);
      const cancel = clock.after(HEARD_WITHIN_MS, () => heard.resolve(false));
      try {
        const told: Told = { id, callId, text, ...(action && { action }) };
        await redis.ask((client) => client.publish(say, JSON.stringify(told)), signal);
        return await heard.promise;
      } finally {
        cancel();
        waiting.delete(id);
      }
    },
    close() {
      stop();
      lifetime.abort();
    },
  };
}

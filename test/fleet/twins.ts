import { DEFAULT_TIMINGS } from '../../src/simulator/line/timings.ts';
import type { CallResult } from '../../src/simulator/run/call-result.ts';
import { DEFAULT_SWITCHES } from '../../src/simulator/switches.ts';
import { type LifecycleEvent, openSender } from '../../src/simulator/webhooks.ts';
import { systemClock } from '../../src/std/clock.ts';
import { randomHex } from '../../src/std/random.ts';
import { dial } from '../calls/phone.ts';
import { collect } from './collect.ts';
import type { Fleet } from './fleet.ts';
import { checkHistory, type HistoryCall, type Violation } from './history.ts';

/** Who has lost the call stays on the line, as somebody behind a dead network does who has not noticed. */
const NEVER_AGAIN = { ...DEFAULT_TIMINGS, redialMs: { min: 600_000, max: 600_000 } };

/** What came of calls that had two sockets. */
export interface Twins {
  /** From the newer socket's first word of the server until the older socket was let go of; absent when it never was. */
  readonly fencedMs: readonly number[];
  /** Calls whose older socket went on. */
  readonly unfenced: number;
  readonly violations: readonly Violation[];
}

/**
 * Opens a second socket for each of so many calls, at another replica, while the first one still stands; then both
 * speak. One after another: how soon the older one is let go of must not depend on the other calls.
 */
export async function playTwins(fleet: Fleet, calls: number, signal: AbortSignal): Promise<Twins> {
  const fenced: (number | undefined)[] = [];
  const played: HistoryCall[] = [];
  for (let call = 0; call < calls; call++) {
    const callId = `twin_${randomHex(8)}`;
    fenced.push(await playTwin(fleet, callId, signal));
    played.push({ callId, kind: 'admitted', sockets: 2, turns: [] });
  }
  const traces = await collect(fleet, played, 10_000, signal);
  const slots = [{ at: systemClock.now(), active: 0 }];
  const history = { limit: fleet.maxCalls, calls: played, effects: fleet.effects(), slots, ...traces };
  const fencedMs = fenced.filter((ms) => ms !== undefined);
  return { fencedMs, unfenced: calls - fencedMs.length, violations: checkHistory(history) };
}

async function playTwin(fleet: Fleet, callId: CallResult['callId'], signal: AbortSignal): Promise<number | undefined> {
  const [first, second] = fleet.replicas;
  if (!first || !second) throw new Error('expected two replicas');
  const { webhookKey, socketSecret } = fleet;
  const target = { baseUrl: second.service.url };
  const sender = openSender({ target, key: webhookKey, clock: systemClock, switches: DEFAULT_SWITCHES });
  const startedAt = systemClock.wall();
  const send = (event: LifecycleEvent, rest: object = {}) =>
    sender.lifecycle(event, { callId, agentId: 'agent_fleet', startedAt, transcript: [], ...rest }, signal);
  const options = { callId, agentId: 'agent_fleet', socketSecret, timings: NEVER_AGAIN };
  await send('call_started');
  const older = dial(first.service.url, options);
  await older.answerTo(0);
  await older.ask('Is there parking nearby?');
  const newer = dial(second.service.url, options);
  try {
    // Its own first id is one that the older socket has had: the same ask again.
    await newer.ask('Is there parking nearby?');
    await newer.ask('Could we sit outside?');
    const isFenced = await Promise.race([
      older.until('lost').then(() => true),
      older.ask('What is your address?').then(() => false),
    ]);
    const takenAt = newer.events.find(({ kind }) => kind === 'chunk')?.atMs;
    const lostAt = older.events.find(({ kind }) => kind === 'lost')?.atMs;
    return isFenced && takenAt !== undefined && lostAt !== undefined ? Math.max(0, lostAt - takenAt) : undefined;
  } finally {
    older.hangUp();
    newer.hangUp();
    await send('call_ended', { endedAt: systemClock.wall(), disconnectionReason: 'user_hangup' });
    await sender.close();
  }
}

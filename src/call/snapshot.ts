import { Fault } from '../std/fault.ts';
import type { Call, CallHead, CallId, Rules, StoredCall } from './call.ts';
import type { Transcript } from './transcript.ts';

/** The part of a call that is replaced at each commit. */
export function headOf(call: Call): CallHead {
  return {
    schema: 1,
    agent: call.rules.agent,
    heard: call.transcript.length,
    startedAt: call.startedAt,
    isProven: call.isProven,
    greeting: call.greeting,
    phase: call.phase,
    variables: call.variables,
    request: call.request,
    lastAsk: call.lastAsk,
    ...(call.lastTurn && { lastTurn: call.lastTurn }),
    reminders: call.reminders,
    interjections: call.interjections,
    failures: call.failures,
    running: call.running,
    exchanges: call.exchanges,
  };
}

/** A stored call, taken again under a new epoch. */
export function restore(id: CallId, epoch: number, stored: StoredCall, rules: Rules): Call {
  const { schema, agent: _agent, heard: _heard, ...head } = stored.head;
  if (schema !== 1) {
    throw new Fault('invalid', 'call.schema_unknown', `expected a stored call of schema 1, found ${String(schema)}`, {
      effect: 'this call begins anew; what was said is still in its transcript',
    });
  }
  return { ...head, id, epoch, rules, transcript: transcriptOf(stored) };
}

/** The stored utterances, in their order. */
export function transcriptOf(stored: StoredCall): Transcript {
  return [...stored.utterances]
    .sort((a, b) => a.index - b.index)
    .slice(0, stored.head.heard)
    .map(({ role, content }) => ({ role, content }));
}

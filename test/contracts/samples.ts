import { type CallHead, type CallId, parseCallId } from '../../src/call/call.ts';
import type { CallEvent, CallFact } from '../../src/call/events.ts';
import type { CallReport } from '../../src/call/report.ts';

let calls = 0;

/** An id no other test uses. */
export function newCallId(): CallId {
  const callId = parseCallId(`call_${String(++calls).padStart(8, '0')}`);
  if (!callId) throw new Error('the sample id is malformed');
  return callId;
}

/** A head told apart from others by its `lastAsk`. */
export function sampleHead(lastAsk = 0, change: Partial<CallHead> = {}): CallHead {
  return {
    schema: 1,
    agent: { name: 'front-desk', version: '1' },
    heard: 1_000,
    startedAt: 1_800_000_000_000,
    isProven: true,
    greeting: 'journaled',
    phase: { kind: 'listening' },
    variables: { name: 'Ida' },
    request: 0,
    lastAsk,
    reminders: 0,
    interjections: 0,
    failures: 0,
    running: [],
    settledTools: [],
    ...change,
  };
}

export function sampleEvent(
  callId: CallId,
  seq: number,
  fact: CallFact = { type: 'call.adrift' },
  epoch = 1,
): CallEvent {
  return { ...fact, v: 1, callId, epoch, seq, at: 1_800_000_000_000 + seq };
}

export function sampleTurn(responseId: number): CallFact {
  return {
    type: 'call.turn',
    responseId,
    ask: 'response',
    outcome: 'answered',
    answerMs: 300,
    fillers: 0,
    attempts: 1,
    tools: 0,
    budgetMs: 800,
  };
}

export function sampleReport(callId: CallId, change: Partial<CallReport> = {}): CallReport {
  return {
    callId,
    agent: { name: 'front-desk', version: '1' },
    startedAt: 1_800_000_000_000,
    endedAt: 1_800_000_060_000,
    reason: 'user_hangup',
    turns: 3,
    tools: [{ name: 'book', outcome: 'done' }],
    transcript: [{ role: 'user', content: 'a table for two' }],
    ...change,
  };
}

import type { Action, Call, ClosedTurn, SpeculativeDraft, Turn } from './call.ts';
import { onChunk } from './drafts.ts';
import { escalationOf } from './escalation.ts';
import type { CallInput } from './inputs.ts';
import { openTurn, speaking, unheard, wasAnswerHeard } from './phases.ts';
import { settleSpeculation, speculatedFor } from './speculation.ts';
import { answerWith, armHangUp, armTurn, cutTurn, type Emit, startDraft } from './turn.ts';

type Asked = Extract<CallInput, { kind: 'asked' }>;

/**
 * Retell asks. A newer ask makes everything older stale; the same ask again (after a redial) is the same turn. The
 * ask is journaled with its words before anything is done about it.
 */
export function onAsked(call: Call, input: Asked, emit: Emit): Call {
  if (input.responseId < call.lastAsk) return call;
  const known = { ...call, lastAsk: input.responseId, transcript: input.transcript };
  const open = openTurn(call);
  if (open?.responseId === input.responseId) return settleSpeculation(known, undefined, input.at, emit);
  if (!open && call.lastTurn?.responseId === input.responseId) {
    return answerAgain(settleSpeculation(known, undefined, input.at, emit), call.lastTurn, input, emit);
  }

  emit({ kind: 'disarm', timer: 'hangUp' });
  if (open) cutTurn(known, open, emit);
  const judged = judgeHeard(known, open);
  const turn = newTurn(judged, input);
  emit({ kind: 'commit' });
  return input.ask === 'reminder' ? remind(judged, turn, input.at, emit) : answer(judged, turn, input.at, emit);
}

function newTurn(call: Call, input: Asked): Turn {
  // A re-ask does not start an effect anew: tools already claimed for this request are waited for.
  const awaiting = call.running
    .filter(({ use }) => !use.isSafe && use.request === call.request)
    .map(({ use }) => use.toolCallId);
  return {
    responseId: input.responseId,
    ask: input.ask,
    askedAt: input.at,
    heardAt: input.transcript.length,
    said: [],
    drafts: [],
    attempts: 0,
    round: 1,
    started: 0,
    roundFrom: 0,
    waitFrom: 0,
    tools: 0,
    awaiting,
    secondAfterMs: input.secondAfterMs,
  };
}

/** A request ends when its answer was heard, by the transcript: from then on the same tool may be meant anew. */
function judgeHeard(call: Call, open: Turn | undefined): Call {
  // What was said before a tool ran is not its answer.
  const isAtWork = call.running.some(({ use }) => !use.isSafe && use.request === call.request);
  if (isAtWork) return call;
  const before = open ?? call.lastTurn;
  if (!before || !wasAnswerHeard(before, call.transcript)) return call;
  return { ...call, request: call.request + 1 };
}

function answer(call: Call, turn: Turn, now: number, emit: Emit): Call {
  const rule = escalationOf(call);
  const speculated = rule ? undefined : speculatedFor(call, turn);
  const present = { ...settleSpeculation(call, speculated, now, emit), reminders: 0 };
  if (rule) return answerWith(present, turn, rule.line, rule.action, now, emit);
  armTurn(present, turn, now, emit);
  if (speculated) return adopt(present, turn, speculated, now, emit);
  return turn.awaiting.length > 0 ? speaking(present, turn) : startDraft(present, turn, now, emit);
}

/** The draft that was started early is the turn's first: what it has brought by now is heard as if it came now. */
function adopt(call: Call, turn: Turn, { id, startedAt, chunks }: SpeculativeDraft, now: number, emit: Emit): Call {
  const secondAfterMs = Math.max(0, turn.secondAfterMs - (now - startedAt));
  emit({ kind: 'arm', timer: 'second', at: now + secondAfterMs });
  const adopted: Turn = {
    ...turn,
    drafts: [{ id, attempt: 1, isSpeculative: true }],
    attempts: 1,
    started: 1,
    secondAfterMs,
  };
  return chunks.reduce(
    (moved, chunk) => onChunk(moved, { kind: 'chunk', at: now, draftId: id, chunk }, emit),
    speaking(call, adopted),
  );
}

/**
 * The user is silent. If the agent was never heard, the greeting was lost: it is said now. Otherwise one prepared
 * line a reminder, and after the last of them the farewell ends the call.
 */
function remind(call: Call, turn: Turn, now: number, emit: Emit): Call {
  const { reminders, greeting, farewell } = call.rules;
  const reminded = { ...settleSpeculation(call, undefined, now, emit), reminders: call.reminders + 1 };
  const wasEverHeard = call.transcript.some(({ role }) => role === 'agent');
  if (!wasEverHeard && call.reminders === 0 && greeting !== '') {
    return answerWith(reminded, turn, greeting, undefined, now, emit);
  }
  const line = reminders[call.reminders];
  const end: Action = { kind: 'end' };
  return line === undefined
    ? answerWith(reminded, turn, farewell, end, now, emit)
    : answerWith(reminded, turn, line, undefined, now, emit);
}

/**
 * Retell asks again for what we had answered before the socket was lost: it gets what the caller has not heard of
 * it. On the socket on which it was closed it stays closed.
 */
function answerAgain(call: Call, last: ClosedTurn, input: Asked, emit: Emit): Call {
  if (last.epoch === call.epoch) return call;
  const text = unheard(last, input.transcript).join(' ');
  const { action } = last;
  emit({ kind: 'say', responseId: input.responseId, text, isComplete: true, ...(action && { action }) });
  armHangUp(action, input.at, emit);
  emit({ kind: 'commit' });
  return { ...call, lastTurn: { ...last, epoch: call.epoch } };
}

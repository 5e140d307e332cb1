import type { Call, Turn } from './call.ts';
import type { CallInput } from './inputs.ts';
import { hasAnswered, openTurn, speaking } from './phases.ts';
import { type Emit, fallBack, say, startDraft } from './turn.ts';

/** Tools that are still at work get this much more before the caller hears of it again. */
const PROGRESS_EVERY_MS = 4_000;

/** A clock of the turn ran out. A clock that was stopped while its input waited in the inbox changes nothing. */
export function onTimer(call: Call, input: Extract<CallInput, { kind: 'timer' }>, emit: Emit): Call {
  if (input.timer === 'hangUp') {
    emit({ kind: 'hangUp' });
    return call;
  }
  const turn = openTurn(call);
  if (!turn) return call;
  switch (input.timer) {
    case 'filler':
      return onSilence(call, turn, input.at, emit);
    case 'second':
      return race(call, turn, input.at, emit);
    case 'final':
      return onFinal(call, turn, input.at, emit);
    case 'limit':
      return fallBack(call, turn, 'turn.limit', input.at, emit);
    default:
      return input.timer satisfies never;
  }
}

/** Nothing but fillers so far: a whole sentence buys time, since Retell speaks from a sentence's end. */
function onSilence(call: Call, turn: Turn, now: number, emit: Emit): Call {
  const { fillers, budget } = call.rules;
  const said = turn.said.length;
  const isDue = now - turn.askedAt >= (said === 0 ? budget.fillerMs : budget.fillerAgainMs) - 1;
  const line = fillers[(turn.responseId + said) % Math.max(1, fillers.length)];
  if (hasAnswered(turn, turn.waitFrom) || said > 1 || !isDue || line === undefined) return call;
  const spoken = say(call, turn, { kind: 'filler', text: line }, now, emit);
  emit({ kind: 'commit' });
  return speaking(call, spoken);
}

/** The first draft is late: a second one races it. */
function race(call: Call, turn: Turn, now: number, emit: Emit): Call {
  const isRunningAlone = turn.drafts.length === 1 && turn.attempts === 1 && !hasAnswered(turn, turn.waitFrom);
  return isRunningAlone ? startDraft(call, turn, now, emit) : call;
}

/** The turn's time is up. While a tool works the caller hears so; otherwise the fallback line ends the wait. */
function onFinal(call: Call, turn: Turn, now: number, emit: Emit): Call {
  if (turn.awaiting.length === 0) {
    return hasAnswered(turn, turn.waitFrom) ? call : fallBack(call, turn, 'turn.no_answer', now, emit);
  }
  const { progress } = call.rules;
  const line = progress[turn.said.length % Math.max(1, progress.length)];
  const spoken = line === undefined ? turn : say(call, turn, { kind: 'filler', text: line }, now, emit);
  emit({ kind: 'arm', timer: 'final', at: now + PROGRESS_EVERY_MS });
  return speaking(call, spoken);
}

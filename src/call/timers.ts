import type { Call, Turn } from './call.ts';
import type { CallInput, TimerName } from './inputs.ts';
import { hasAnswered, openTurn, speaking } from './phases.ts';
import { onStable } from './speculation.ts';
import { armHangUp, type Emit, fallBack, say, startDraft } from './turn.ts';

/** Tools that are still at work get this much more before the caller hears of it again. */
const PROGRESS_EVERY_MS = 4_000;

/**
 * A clock ran out. One that was stopped while its input waited in the inbox was an older turn's, and changes nothing:
 * no clock of the open turn can have run out yet.
 */
export function onTimer(call: Call, input: Extract<CallInput, { kind: 'timer' }>, emit: Emit): Call {
  const turn = openTurn(call);
  if (input.timer === 'hangUp') {
    if (!turn) emit({ kind: 'hangUp' });
    return call;
  }
  if (input.timer === 'closeAgain') return closeAgain(call, input.at, emit);
  if (input.timer === 'stable') return onStable(call, input.at, emit);
  // Times are sums of fractions: a millisecond of tolerance, so that no clock is taken for one that is early.
  if (!turn || input.at - turn.askedAt < earliestMs(call, turn, input.timer) - 1) return call;
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

/**
 * The end of the last answer may have gone down with the old socket, and Retell would wait for it for ever: unless it
 * has asked for something on this one, that end is sent once more.
 */
function closeAgain(call: Call, now: number, emit: Emit): Call {
  if (call.lastAsk >= 0 || !call.lastTurn || openTurn(call)) return call;
  const { responseId, action } = call.lastTurn;
  emit({ kind: 'say', responseId, text: '', isComplete: true, ...(action && { action }) });
  armHangUp(action, now, emit);
  return { ...call, lastTurn: { ...call.lastTurn, epoch: call.epoch } };
}

/** How long after its ask a clock of the turn runs out at the earliest. */
function earliestMs(
  { rules: { budget } }: Call,
  turn: Turn,
  timer: Exclude<TimerName, 'hangUp' | 'closeAgain' | 'stable'>,
): number {
  switch (timer) {
    case 'filler':
      return turn.said.length === 0 ? budget.fillerMs : budget.fillerAgainMs;
    case 'second':
      return turn.secondAfterMs;
    case 'final':
      return budget.finalMs;
    case 'limit':
      return budget.limitMs;
    default:
      return timer satisfies never;
  }
}

/** Nothing but fillers so far: a whole sentence buys time, since Retell speaks from a sentence's end. */
function onSilence(call: Call, turn: Turn, now: number, emit: Emit): Call {
  const { fillers } = call.rules;
  const said = turn.said.length;
  const line = fillers[(turn.responseId + said) % Math.max(1, fillers.length)];
  if (hasAnswered(turn, turn.waitFrom) || said > 1 || line === undefined) return call;
  emit({ kind: 'commit' });
  return speaking(call, say(call, turn, { kind: 'filler', text: line }, now, emit));
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

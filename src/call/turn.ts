import type { Action, Call, Rules, Said, Turn } from './call.ts';
import type { Effect } from './effects.ts';
import type { TurnOutcome } from './events.ts';
import type { TimerName } from './inputs.ts';
import { hasAnswered, listening, speaking } from './phases.ts';

export type Emit = (effect: Effect) => void;

const TURN_TIMERS: readonly TimerName[] = ['filler', 'second', 'final', 'limit'];

/** How long the parting words may take to be spoken before we hang up ourselves. */
const HANG_UP_AFTER_MS = 30_000;

/** Starts the turn's clocks: each of them makes sure that the caller hears something. */
export function armTurn(call: Call, turn: Turn, now: number, emit: Emit): void {
  const { budget } = call.rules;
  if (!hasAnswered(turn)) {
    const afterMs = turn.said.length === 0 ? budget.fillerMs : budget.fillerAgainMs;
    emit({ kind: 'arm', timer: 'filler', at: Math.max(now, turn.askedAt + afterMs) });
  }
  emit({ kind: 'arm', timer: 'final', at: now + budget.finalMs });
  emit({ kind: 'arm', timer: 'limit', at: now + budget.limitMs });
}

/** Starts a draft of the turn, and the clock after which a second one may race it. */
export function startDraft(call: Call, turn: Turn, now: number, emit: Emit): Call {
  const attempt = turn.attempts === 0 ? 1 : 2;
  const draft = { id: `${call.epoch}.${turn.responseId}.${turn.started + 1}`, attempt } as const;
  const started: Turn = {
    ...turn,
    drafts: [...turn.drafts, draft],
    waitFrom: turn.drafts.length > 0 ? turn.waitFrom : turn.said.length,
    attempts: attempt,
    started: turn.started + 1,
  };
  emit({
    kind: 'draft',
    order: {
      draftId: draft.id,
      attempt,
      responseId: turn.responseId,
      transcript: call.transcript,
      settledTools: call.settledTools,
      variables: call.variables,
      said: turn.said,
      isProven: call.isProven,
      ...(turn.drafts.length > 0 && { isRace: true }),
    },
  });
  if (attempt === 1) emit({ kind: 'arm', timer: 'second', at: now + turn.secondAfterMs });
  // An answer that broke off is given the same time again to go on; one that never began is not.
  const isAlone = turn.drafts.length === 0;
  if (isAlone && hasAnswered(turn, turn.roundFrom)) {
    emit({ kind: 'arm', timer: 'final', at: now + call.rules.budget.finalMs });
  }
  return speaking(call, started);
}

/** Goes on with a turn that a lost socket or a dead process interrupted. */
export function resumeTurn(call: Call, turn: Turn, now: number, emit: Emit): Call {
  const fresh: Turn = { ...turn, drafts: [], attempts: 0 };
  armTurn(call, fresh, now, emit);
  return fresh.awaiting.length > 0 ? speaking(call, fresh) : startDraft(call, fresh, now, emit);
}

/** Sends words for the open turn and remembers that they left, and when. */
export function say(call: Call, turn: Turn, said: Said, now: number, emit: Emit): Turn {
  emit({ kind: 'say', responseId: turn.responseId, text: `${said.text} `, isComplete: false });
  emit({ kind: 'disarm', timer: 'filler' });
  const spoken: Turn = {
    ...turn,
    said: [...turn.said, said],
    firstSentenceAt: turn.firstSentenceAt ?? now,
    ...(said.kind !== 'filler' && { answerAt: turn.answerAt ?? now }),
  };
  const isStillWaiting = said.kind === 'filler' && spoken.said.length === 1;
  if (isStillWaiting) {
    emit({ kind: 'arm', timer: 'filler', at: turn.askedAt + call.rules.budget.fillerAgainMs });
  }
  return spoken;
}

/** Closes the turn: exactly once, with its action if it has one, and with every clock stopped. */
export function closeTurn(call: Call, turn: Turn, outcome: TurnOutcome, now: number, emit: Emit): Call {
  const stopped = stopTurn(turn, emit);
  const action = stopped.action;
  emit({ kind: 'say', responseId: turn.responseId, text: '', isComplete: true, ...(action && { action }) });
  armHangUp(action, now, emit);
  recordTurn(call, stopped, outcome, emit);
  emit({ kind: 'commit' });
  return listening(outcome === 'answered' ? { ...call, failures: 0 } : call, stopped);
}

/** After words that end the call Retell hangs up; when it has not in time, we do. Any other words cancel that. */
export function armHangUp(action: Action | undefined, now: number, emit: Emit): void {
  if (action?.kind === 'end') emit({ kind: 'arm', timer: 'hangUp', at: now + HANG_UP_AFTER_MS });
  else emit({ kind: 'disarm', timer: 'hangUp' });
}

/** Says one prepared line as the whole answer and closes the turn. */
export function answerWith(
  call: Call,
  turn: Turn,
  line: string,
  action: Action | undefined,
  now: number,
  emit: Emit,
): Call {
  const spoken = say(call, turn, { kind: 'line', text: line }, now, emit);
  return closeTurn(call, { ...spoken, ...(action && { action }) }, 'line', now, emit);
}

/**
 * No answer can be had: the caller hears the fallback line and, after too many of them, the parting one. A turn whose
 * tool has already decided how it ends is ended so, with the words that belong to it.
 */
export function fallBack(call: Call, turn: Turn, failure: string, now: number, emit: Emit): Call {
  const { fallback, giveUp, cutShort } = call.rules;
  const failures = call.failures + 1;
  const isLast = failures >= giveUp.after;
  const decided = isLast ? undefined : turn.action;
  const action = decided ?? (isLast ? giveUp : fallback).action;
  const apology = isLast ? giveUp.line : hasAnswered(turn) ? cutShort : fallback.line;
  const line = decided ? wordsFor(call.rules, decided) : apology;
  const spoken = line === '' ? turn : say(call, turn, { kind: 'line', text: line }, now, emit);
  return closeTurn({ ...call, failures }, { ...spoken, failure, ...(action && { action }) }, 'fallback', now, emit);
}

/** An action that came without a word still owes the caller one; digits are pressed in silence. */
export function wordsFor(rules: Rules, action: Action): string {
  if (action.kind === 'end') return rules.farewell;
  return action.kind === 'transfer' ? rules.handoff : '';
}

/** Aborts the turn's drafts and stops its clocks. What drafts send from now on is stale. */
export function stopTurn(turn: Turn, emit: Emit): Turn {
  for (const { id } of turn.drafts) emit({ kind: 'abort', draftId: id });
  for (const timer of TURN_TIMERS) emit({ kind: 'disarm', timer });
  return { ...turn, drafts: [] };
}

/** How a turn ended that was cut: an interruption when it had spoken, a re-ask when it had not. */
export function cutOutcome({ said }: Turn): TurnOutcome {
  return said.length > 0 ? 'interrupted' : 'superseded';
}

/** The turn is over before it was closed: a newer ask came, or the call ended. */
export function cutTurn(call: Call, turn: Turn, emit: Emit): void {
  recordTurn(call, stopTurn(turn, emit), cutOutcome(turn), emit);
}

/** Records how the turn went: times and counts, without a word of it. */
function recordTurn(call: Call, turn: Turn, outcome: TurnOutcome, emit: Emit): void {
  emit({
    kind: 'record',
    fact: {
      type: 'call.turn',
      responseId: turn.responseId,
      ask: turn.ask,
      outcome,
      ...(turn.firstSentenceAt !== undefined && { firstSentenceMs: turn.firstSentenceAt - turn.askedAt }),
      ...(turn.answerAt !== undefined && { answerMs: turn.answerAt - turn.askedAt }),
      fillers: turn.said.filter(({ kind }) => kind === 'filler').length,
      attempts: turn.started,
      tools: turn.tools,
      budgetMs: call.rules.budget.answerMs,
      ...(turn.failure !== undefined && { failure: turn.failure }),
    },
  });
}

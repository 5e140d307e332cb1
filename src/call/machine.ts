import { onAsked } from './asks.ts';
import type { Call, CallId, Rules, RunningTool, Turn } from './call.ts';
import { onChunk, onDraftFailed } from './drafts.ts';
import type { Effect } from './effects.ts';
import type { CallInput } from './inputs.ts';
import { openTurn } from './phases.ts';
import { dropSpeculation, onHeard } from './speculation.ts';
import { onTimer } from './timers.ts';
import { onToolSettled, startTools } from './tool-uses.ts';
import { armHangUp, closeTurn, cutOutcome, cutTurn, type Emit, resumeTurn, stopTurn } from './turn.ts';

/** After a redial Retell has this long to ask again for what it never got the end of. */
const CLOSE_AGAIN_AFTER_MS = 1_500;

/** What one input did: the call as it is now, and what is to be done about it, in order. */
export interface Step {
  readonly call: Call;
  readonly effects: readonly Effect[];
}

/** A call before its first input. */
export function newCall(
  id: CallId,
  epoch: number,
  rules: Rules,
  startedAt: number,
  variables: Readonly<Record<string, string>>,
): Call {
  return {
    id,
    epoch,
    rules,
    startedAt,
    isProven: false,
    greeting: 'due',
    phase: { kind: 'listening' },
    transcript: [],
    variables,
    request: 1,
    lastAsk: -1,
    reminders: 0,
    interjections: 0,
    failures: 0,
    running: [],
    settledTools: [],
  };
}

/**
 * Moves a call by one input: every rule of a call is below this function, and none is anywhere else. Pure: time
 * comes with the input, waiting is somebody else's. What arrives after the end changes nothing, and an adrift call
 * waits for a socket or its end.
 */
export function step(call: Call, input: CallInput): Step {
  const effects: Effect[] = [];
  const moved = isDeaf(call, input) ? call : move(call, input, (effect) => effects.push(effect));
  return { call: moved, effects };
}

function isDeaf({ phase }: Call, { kind }: CallInput): boolean {
  return phase.kind === 'over' || (phase.kind === 'adrift' && kind !== 'opened' && kind !== 'ended');
}

function move(call: Call, input: CallInput, emit: Emit): Call {
  switch (input.kind) {
    case 'opened':
      return onOpened(call, input, emit);
    case 'proven':
      return { ...call, isProven: true };
    case 'asked':
      return onAsked(call, input, emit);
    case 'heard':
      return onHeard(call, input, emit);
    case 'chunk':
      return onChunk(call, input, emit);
    case 'draftFailed':
      return onDraftFailed(call, input, emit);
    case 'toolSettled':
      return onToolSettled(call, input, emit);
    case 'interject':
      return onInterject(call, input, emit);
    case 'timer':
      return onTimer(call, input, emit);
    case 'committed':
      return input.tag === 'greeting' ? greet(call, emit) : startTools(call, emit);
    case 'lost':
      return onLost(input.isMove ? { ...call, moves: (call.moves ?? 0) + 1 } : call, input.at, emit);
    case 'ended':
      return onEnded(call, input, emit);
    default:
      return input satisfies never;
  }
}

/**
 * A socket was opened for the call. A new call journals its greeting before speaking it: a crash in between costs
 * the greeting and never repeats it. A resumed call stays quiet (an empty begin message), and goes on with the turn
 * it was in; tools that were on their way are asked after again, and the ledger says what became of them.
 */
function onOpened(call: Call, input: Extract<CallInput, { kind: 'opened' }>, emit: Emit): Call {
  const turn = openTurn(call);
  const opened: Call = {
    ...call,
    isProven: input.isProven || call.isProven,
    lastAsk: -1,
    phase: turn ? { kind: 'speaking', turn } : { kind: 'listening' },
  };
  if (!input.isResumed) {
    const { name, version } = call.rules.agent;
    emit({
      kind: 'record',
      fact: { type: 'call.started', agent: name, agentVersion: version, isProven: input.isProven },
    });
  } else {
    const afterMs = call.phase.kind === 'adrift' ? { afterMs: input.at - call.phase.since } : {};
    emit({ kind: 'record', fact: { type: 'call.resumed', ...afterMs, openTurn: turn !== undefined } });
  }
  if (opened.greeting === 'due') {
    emit({ kind: 'commit', tag: 'greeting' });
    return { ...opened, greeting: 'journaled' };
  }
  emit({ kind: 'say', responseId: 0, text: '', isComplete: true });
  if (!turn && opened.lastTurn) emit({ kind: 'arm', timer: 'closeAgain', at: input.at + CLOSE_AGAIN_AFTER_MS });
  emit({ kind: 'commit' });
  const asked = startTools({ ...opened, running: opened.running.map(againFrom) }, emit);
  return turn ? resumeTurn(asked, turn, input.at, emit) : asked;
}

/** A tool on its way when the process died: what was granted for it is spent, so an unknown outcome is asked about anew. */
function againFrom({ use }: RunningTool): RunningTool {
  return { use: { ...use, granted: [] }, isStarted: false };
}

/** The greeting is journaled: now it may be spoken, unless Retell has already asked for something else. */
function greet(call: Call, emit: Emit): Call {
  const isFirst = call.lastAsk < 0;
  if (isFirst) emit({ kind: 'say', responseId: 0, text: call.rules.greeting, isComplete: true });
  return call;
}

/**
 * Speaking up unasked cancels what we were answering, its action included, so that is closed first: no ask is left
 * without its end. A hang-up that was due is cancelled with it.
 */
function onInterject(call: Call, input: Extract<CallInput, { kind: 'interject' }>, emit: Emit): Call {
  const turn = openTurn(call);
  const heard = dropSpeculation(call, emit);
  const free = turn ? closeTurn(heard, withoutAction(turn), cutOutcome(turn), input.at, emit) : heard;
  const interjections = call.interjections + 1;
  const { text, action } = input;
  emit({ kind: 'interject', interruptId: interjections, text, ...(action && { action }) });
  armHangUp(action, input.at, emit);
  emit({ kind: 'commit' });
  return { ...free, interjections };
}

function withoutAction({ action: _cancelled, ...turn }: Turn): Turn {
  return turn;
}

/** The socket is gone, the call may come back: drafts end, claimed tools run on, the open turn waits. */
function onLost(call: Call, at: number, emit: Emit): Call {
  const turn = openTurn(call);
  const waiting = turn ? stopTurn(turn, emit) : undefined;
  const free = dropSpeculation(call, emit);
  emit({ kind: 'record', fact: { type: 'call.adrift' } });
  emit({ kind: 'commit' });
  return { ...free, phase: { kind: 'adrift', since: at, ...(waiting && { turn: waiting }) } };
}

/** Retell says the call is over, or it was adrift too long. */
function onEnded(call: Call, input: Extract<CallInput, { kind: 'ended' }>, emit: Emit): Call {
  const turn = openTurn(call);
  if (turn) cutTurn(call, turn, emit);
  const free = dropSpeculation(call, emit);
  emit({ kind: 'record', fact: { type: 'call.ended', reason: input.reason } });
  emit({ kind: 'commit' });
  return { ...free, phase: { kind: 'over', reason: input.reason } };
}

import type { OutboundFrame, Speech } from '../../retell/frames.ts';
import type { Finding } from './rules.ts';

/** The part of a watch that frames with words move. */
export interface SpeechState {
  readonly callId: string;
  readonly staleGraceMs: number;
  readonly closeWithinMs: number;
  /** Sockets opened for this call. */
  readonly sockets: number;
  /** Has id 0 been completed on this socket? */
  readonly isZeroClosed: boolean;
  readonly greeting: { readonly kind: 'none' } | { readonly kind: 'spoken'; readonly socket: number };
  /** The newest ask; id 0, the begin message, is owed from the first socket on. */
  readonly ask: Ask;
  readonly interrupt: { readonly id: number; readonly isClosed: boolean; readonly actions: number } | undefined;
  /** The id whose end_call allows a close with 1000. */
  readonly hangUp: { readonly id: number } | undefined;
}

interface Ask {
  readonly id: number;
  readonly askedAt: number;
  readonly isClosed: boolean;
  readonly actions: number;
  /** Reported as unclosed already. */
  readonly isOverdue: boolean;
  /** After a reconnect the server cannot know what arrived, nor what was asked: one empty completion may be repeated. */
  readonly mayRepeatClose: boolean;
}

type SpeechFrame = Extract<OutboundFrame, { readonly response_type: 'response' | 'agent_interrupt' }>;

interface Spoken {
  readonly state: SpeechState;
  readonly findings: readonly Finding[];
}

/** What a frame with words does to the state of a call, and which rules it breaks. */
export function speechAfter(state: SpeechState, frame: SpeechFrame, atMs: number, lagMs: number): Spoken {
  if (frame.response_type === 'agent_interrupt') return interrupt(state, frame, frame.interrupt_id);
  const id = frame.response_id;
  if (id === 0) return beginMessage(state, frame, atMs, lagMs);
  if (id > state.ask.id) return breach(state, 'content.unknown_id', `id ${id}, newest ask ${state.ask.id}`);
  const isOwed = id === state.ask.id && !state.ask.isClosed;
  if (!isOwed && state.ask.mayRepeatClose && isEmptyClose(frame)) {
    return { state: { ...state, ask: { ...state.ask, mayRepeatClose: false } }, findings: [] };
  }
  if (id < state.ask.id) return { state, findings: staleness(state, id, atMs, lagMs) };
  if (state.ask.isClosed) return breach(state, 'content.after_completion', `id ${id}`);
  return answer(state, frame);
}

function answer(state: SpeechState, frame: Speech): Spoken {
  const actions = state.ask.actions + actionsOf(frame);
  const ask = { ...state.ask, isClosed: frame.content_complete, actions };
  return {
    state: { ...state, ask, hangUp: frame.end_call ? { id: ask.id } : state.hangUp },
    findings: actionFindings(state.ask.actions, actions, ask.id),
  };
}

function beginMessage(state: SpeechState, frame: Speech, atMs: number, lagMs: number): Spoken {
  const hasWords = frame.content.trim() !== '';
  const findings: Finding[] = [];
  const { greeting, sockets } = state;
  const isFirst = greeting.kind === 'none' || (greeting.socket === sockets && !state.isZeroClosed);
  if (hasWords && !isFirst) {
    findings.push({ rule: 'greeting.repeated', detail: `on socket ${sockets} of the call` });
  } else if (state.isZeroClosed) {
    findings.push({ rule: 'content.after_completion', detail: 'id 0' });
  }
  const isAsked = state.ask.id === 0;
  // On a later socket an empty id 0 only says that nothing will be said; it answers no ask.
  if (!isAsked && (hasWords || sockets === 1)) findings.push(...staleness(state, 0, atMs, lagMs));
  const actions = state.ask.actions + actionsOf(frame);
  if (isAsked) findings.push(...actionFindings(state.ask.actions, actions, 0));
  return {
    state: {
      ...state,
      greeting: hasWords && isFirst ? { kind: 'spoken', socket: sockets } : greeting,
      isZeroClosed: state.isZeroClosed || frame.content_complete,
      ask: isAsked ? { ...state.ask, actions, isClosed: state.ask.isClosed || frame.content_complete } : state.ask,
      hangUp: frame.end_call && isAsked ? { id: 0 } : state.hangUp,
    },
    findings,
  };
}

function interrupt(state: SpeechState, frame: Speech, id: number): Spoken {
  const open = state.interrupt?.id === id ? state.interrupt : { id, isClosed: false, actions: 0 };
  if (open.isClosed) return breach(state, 'content.after_completion', `interrupt ${id}`);
  const actions = open.actions + actionsOf(frame);
  return {
    state: {
      ...state,
      interrupt: { id, isClosed: frame.content_complete, actions },
      // It cancels the answer in flight: nothing is owed for the ask any more.
      ask: { ...state.ask, isClosed: true },
      hangUp: frame.end_call ? { id: state.ask.id } : state.hangUp,
    },
    findings: actionFindings(open.actions, actions, id),
  };
}

function staleness(state: SpeechState, id: number, atMs: number, lagMs: number): readonly Finding[] {
  const lateMs = atMs - state.ask.askedAt;
  if (lateMs <= state.staleGraceMs + lagMs) return [];
  return [{ rule: 'content.stale', detail: `id ${id}, ${Math.round(lateMs)} ms after ask ${state.ask.id}` }];
}

function actionsOf(frame: Speech): number {
  const given = [frame.end_call === true, frame.transfer_number !== undefined, frame.digit_to_press !== undefined];
  return given.filter(Boolean).length;
}

function actionFindings(before: number, after: number, id: number): readonly Finding[] {
  if (after <= 1 || after === before) return [];
  return [{ rule: 'action.repeated', detail: `${after} actions for id ${id}` }];
}

function isEmptyClose(frame: Speech): boolean {
  return frame.content === '' && frame.content_complete && actionsOf(frame) === 0;
}

function breach(state: SpeechState, rule: Finding['rule'], detail: string): Spoken {
  return { state, findings: [{ rule, detail }] };
}

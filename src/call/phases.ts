import type { Call, ClosedTurn, Phase, Turn } from './call.ts';
import { heardSince, normaliseWords, type Transcript } from './transcript.ts';

/** The open turn, if one is: while speaking, or waiting in an adrift call. */
export function openTurn(call: Pick<Call, 'phase'>): Turn | undefined {
  if (call.phase.kind === 'speaking') return call.phase.turn;
  if (call.phase.kind === 'adrift') return call.phase.turn;
  return undefined;
}

/** The call with this turn open. */
export function speaking(call: Call, turn: Turn): Call {
  return { ...call, phase: { kind: 'speaking', turn } };
}

/** The call with its turn closed, remembered as far as the next ask needs it. */
export function listening(call: Call, turn: Turn): Call {
  const phase: Phase = { kind: 'listening' };
  const { responseId, heardAt, said, roundFrom, action } = turn;
  return {
    ...call,
    phase,
    lastTurn: { responseId, heardAt, said, roundFrom, ...(action && { action }), epoch: call.epoch },
  };
}

/** Whether the turn gave an answer, filler and fallback lines aside, from its sentence number `from` on. */
export function hasAnswered(turn: { readonly said: Turn['said'] }, from = 0): boolean {
  return turn.said.slice(from).some(({ kind }) => kind === 'answer');
}

/**
 * Whether any of the turn's answer reached the caller, by Retell's transcript. What was generated does not count,
 * nor do fillers: a caller who heard only "One moment" has not had their request answered.
 */
export function wasAnswerHeard(turn: Pick<Turn, 'heardAt' | 'said' | 'roundFrom'>, transcript: Transcript): boolean {
  const firstAnswer = turn.said.findIndex(({ kind }, index) => kind === 'answer' && index >= turn.roundFrom);
  if (firstAnswer < 0) return false;
  const heard = normaliseWords(heardSince(transcript, turn.heardAt));
  const before = normaliseWords(
    turn.said
      .slice(0, firstAnswer)
      .map(({ text }) => text)
      .join(' '),
  );
  return heard.length > before.length;
}

/** What of a closed turn the caller has not heard: the sentences from the first that is missing in the transcript. */
export function unheard(turn: ClosedTurn, transcript: Transcript): readonly string[] {
  let heard = normaliseWords(heardSince(transcript, turn.heardAt));
  const sentences = turn.said.filter(({ kind }) => kind !== 'filler').map(({ text }) => text);
  const missing = sentences.findIndex((sentence) => {
    const words = normaliseWords(sentence);
    const at = heard.indexOf(words);
    if (at < 0) return true;
    heard = heard.slice(at + words.length);
    return false;
  });
  return missing < 0 ? [] : sentences.slice(missing);
}

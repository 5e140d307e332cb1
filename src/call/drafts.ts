import type { Call, Turn } from './call.ts';
import type { CallInput } from './inputs.ts';
import { hasAnswered, openTurn, speaking } from './phases.ts';
import { forgetFailed, keepSpeculated } from './speculation.ts';
import { useTools } from './tool-uses.ts';
import { closeTurn, type Emit, fallBack, say, startDraft, wordsFor } from './turn.ts';

type Chunk = Extract<CallInput, { kind: 'chunk' }>;
type Failed = Extract<CallInput, { kind: 'draftFailed' }>;

/** A chunk of a draft. One whose draft the turn does not list waits for an ask, or is stale: that alone makes barge-in and races right. */
export function onChunk(call: Call, input: Chunk, emit: Emit): Call {
  const open = openTurn(call);
  if (!open?.drafts.some(({ id }) => id === input.draftId)) return keepSpeculated(call, input);
  const { chunk, at, draftId } = input;
  switch (chunk.kind) {
    case 'sentence': {
      // Journaled first: a crash in between may cost a sentence, and never says one twice.
      const won = win(open, draftId, emit);
      emit({ kind: 'commit' });
      return speaking(call, say(call, won, { kind: 'answer', text: chunk.text }, at, emit));
    }
    case 'tools':
      return useTools(call, win(open, draftId, emit), chunk.requests, emit);
    case 'action':
      return speaking(call, { ...win(open, draftId, emit), action: chunk.action });
    case 'end':
      return onEnd(call, win(open, draftId, emit), at, emit);
    default:
      return chunk satisfies never;
  }
}

/** The first draft to bring anything wins the turn; the others are aborted and their words never spoken. */
function win(turn: Turn, draftId: string, emit: Emit): Turn {
  const losers = turn.drafts.filter(({ id }) => id !== draftId);
  for (const { id } of losers) emit({ kind: 'abort', draftId: id });
  emit({ kind: 'disarm', timer: 'second' });
  return { ...turn, drafts: turn.drafts.filter(({ id }) => id === draftId) };
}

function onEnd(call: Call, turn: Turn, now: number, emit: Emit): Call {
  const finished = { ...turn, drafts: [] };
  if (hasAnswered(finished, finished.roundFrom)) return closeTurn(call, finished, 'answered', now, emit);
  if (!finished.action) return afterFailure(call, finished, 'agent.silent', now, emit);
  const line = wordsFor(call.rules, finished.action);
  const spoken = line === '' ? finished : say(call, finished, { kind: 'answer', text: line }, now, emit);
  return closeTurn(call, spoken, 'answered', now, emit);
}

/** A draft failed: while another runs, that one decides; else a second try, else the fallback line. */
export function onDraftFailed(call: Call, input: Failed, emit: Emit): Call {
  const open = openTurn(call);
  const failed = open?.drafts.find(({ id }) => id === input.draftId);
  if (!open || !failed) return forgetFailed(call, input.draftId);
  const turn = { ...open, drafts: open.drafts.filter((draft) => draft !== failed) };
  if (turn.drafts.length > 0) return speaking(call, turn);
  // It may have been refused before it was adopted, and the word of that come after.
  const isAsNeverBegun = failed.isSpeculative && turn.attempts === 1 && !hasAnswered(turn, turn.roundFrom);
  if (isAsNeverBegun) return startDraft(call, { ...turn, attempts: 0 }, input.at, emit);
  return afterFailure(call, turn, input.reason, input.at, emit);
}

function afterFailure(call: Call, turn: Turn, reason: string, now: number, emit: Emit): Call {
  if (turn.attempts < 2) return startDraft(call, turn, now, emit);
  return fallBack(call, turn, reason, now, emit);
}

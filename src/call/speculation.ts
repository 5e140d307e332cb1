/**
 * Drafts before the ask. Retell asks some hundred milliseconds after the user's last word, and a model that began at
 * that word is that much earlier. What such a draft brings is held in the call; an ask for the same words adopts it,
 * anything else drops it. When a partial transcript is worth a draft is decided here, whether it can be afforded is not:
 * a draft that is refused fails, and the ask starts one as if nothing had been tried.
 */
import type { Call, Speculation, SpeculativeDraft, Turn } from './call.ts';
import { escalationOf } from './escalation.ts';
import type { CallInput } from './inputs.ts';
import { normaliseWords, type Transcript } from './transcript.ts';
import type { Emit } from './turn.ts';

/** Words that stood still for less are never taken for the last ones. */
const MIN_STABLE_MS = 100;
/** A pause is one that lasts so many times longer than it took, in this call, from one partial transcript to the next. */
const STABLE_PACES = 1.5;
/** 150 words a minute, until the call has shown its own pace. */
const FIRST_PACE_MS = 400;
/** A pause to think is not how fast the user speaks. */
const MAX_PACE_MS = 1_000;
/** How much one interval moves what is known of them. */
const WEIGHT = 0.25;
/** A pause must leave this part of the gap to be won; one that outlasts the gap is none, or Retell would have asked. */
const WORTHWHILE = 0.5;

/** A sentence's end, in the scripts that mark it; dots that trail off are none. */
const SENTENCE_END = /[.!?。！？।؟]["'”’»)\]]*$/u;
const TRAILS_OFF = /(?:\.\.|…)["'”’»)\]]*$/u;

/**
 * Retell tells what was heard. New words of the user are worth a draft at once where they look complete, else when they
 * have not changed for longer than words do in mid-speech, where that is long before Retell asks; a draft made from
 * other words is dropped.
 */
export function onHeard(call: Call, { at, transcript }: Extract<CallInput, { kind: 'heard' }>, emit: Emit): Call {
  if (!call.rules.speculates) return { ...call, transcript };
  const before = call.speculation ?? listeningFrom(call.transcript, at);
  const isOther = before.draft && !saySame(before.draft.transcript, transcript);
  const free = isOther ? dropSpeculation(call, emit) : call;
  const { from, text } = newestSpeech(transcript);
  const words = normaliseWords(text);
  const isNew = from !== before.from || words !== before.words;
  const heard = { ...(free.speculation ?? before), ...(isNew && { ...paced(before, from, at), from, words }) };
  const known: Call = { ...free, transcript, speculation: heard };
  if (isNew) emit({ kind: 'disarm', timer: 'stable' });
  if (words === '' || heard.isTried) return known;
  if (looksComplete(text)) return speculate(known, heard, 'sentence', at, emit);
  const { gapMs = 0 } = heard;
  const afterMs = stableAfterMs(heard);
  if (isNew && afterMs <= gapMs * (1 - WORTHWHILE)) emit({ kind: 'arm', timer: 'stable', at: at + afterMs });
  return known;
}

/** The user's words have stood still: a pause, perhaps the end. */
export function onStable(call: Call, now: number, emit: Emit): Call {
  const { speculation } = call;
  if (!speculation || speculation.isTried || speculation.words === '') return call;
  // A millisecond of tolerance, since times are sums of fractions; a clock stopped too late is far earlier than that.
  if (now - speculation.changedAt < stableAfterMs(speculation) - 1) return call;
  return speculate(call, speculation, 'pause', now, emit);
}

/** A chunk of the speculative draft is held back; one of any other draft is stale. */
export function keepSpeculated(call: Call, { draftId, chunk }: Extract<CallInput, { kind: 'chunk' }>): Call {
  const { speculation } = call;
  if (speculation?.draft?.id !== draftId) return call;
  const draft = { ...speculation.draft, chunks: [...speculation.draft.chunks, chunk] };
  return { ...call, speculation: { ...speculation, draft } };
}

/** A speculative draft that failed, or was refused, is as good as never begun: the ask has its two tries. */
export function forgetFailed(call: Call, draftId: string): Call {
  return call.speculation?.draft?.id === draftId ? withoutDraft(call) : call;
}

/**
 * The speculative draft that answers this ask: made from the same words after the same utterances, with the same tools
 * settled, and nothing to be waited for.
 */
export function speculatedFor(call: Call, turn: Turn): SpeculativeDraft | undefined {
  const draft = call.speculation?.draft;
  if (!draft || turn.awaiting.length > 0) return undefined;
  const isSame = draft.settledTools === call.settledTools && draft.isProven === call.isProven;
  return isSame && saySame(draft.transcript, call.transcript) ? draft : undefined;
}

/** Retell asked: the speculative draft is the turn's, or it was for nothing; the words asked for are not tried again. */
export function settleSpeculation(call: Call, adopted: SpeculativeDraft | undefined, now: number, emit: Emit): Call {
  if (!call.rules.speculates) return call;
  emit({ kind: 'disarm', timer: 'stable' });
  if (adopted) {
    emit({ kind: 'adopt', draftId: adopted.id });
    emit({ kind: 'record', fact: { type: 'call.speculated', outcome: 'adopted' } });
  }
  const free = adopted ? withoutDraft(call) : dropSpeculation(call, emit);
  return { ...free, speculation: listeningFrom(call.transcript, now, free.speculation) };
}

/** What is going on makes a speculative draft pointless: it is aborted, and counts as wasted. */
export function dropSpeculation(call: Call, emit: Emit): Call {
  const draft = call.speculation?.draft;
  if (!draft) return call;
  emit({ kind: 'abort', draftId: draft.id });
  emit({ kind: 'record', fact: { type: 'call.speculated', outcome: 'wasted' } });
  return withoutDraft(call);
}

/** Starts the draft, unless its tools or rules are in the way: then only the ask can tell what is to be said. */
function speculate(call: Call, heard: Speculation, speculatesOn: 'sentence' | 'pause', now: number, emit: Emit): Call {
  if (call.running.length > 0 || escalationOf(call)) return call;
  const started = heard.started + 1;
  const { transcript, settledTools, variables, isProven } = call;
  const id = `${call.epoch}.speculative.${started}`;
  emit({ kind: 'disarm', timer: 'stable' });
  emit({
    kind: 'draft',
    order: {
      draftId: id,
      attempt: 1,
      responseId: call.lastAsk,
      transcript,
      settledTools,
      variables,
      said: [],
      isProven,
      speculatesOn,
    },
  });
  const draft: SpeculativeDraft = { id, startedAt: now, transcript, settledTools, isProven, chunks: [] };
  return { ...call, speculation: { ...heard, started, isTried: true, draft } };
}

/** Listening from here on: what is known already is nothing new. */
function listeningFrom(transcript: Transcript, now: number, before?: Speculation): Speculation {
  const { from, text } = newestSpeech(transcript);
  const words = normaliseWords(text);
  const { started = 0, paceMs = FIRST_PACE_MS } = before ?? {};
  const gapMs = before && before.from === from && before.words === words ? gapOf(before, now) : before?.gapMs;
  return { started, from, words, changedAt: now, paceMs, ...(gapMs !== undefined && { gapMs }), isTried: true };
}

/** Retell asked for words it had told in full: it does so that long after them. */
function gapOf({ changedAt, gapMs }: Speculation, askedAt: number): number {
  const newestMs = askedAt - changedAt;
  return gapMs === undefined ? newestMs : gapMs + WEIGHT * (newestMs - gapMs);
}

/** The pace after one more partial transcript of the same speech; the first of another says nothing of it. */
function paced({ from, words, changedAt, paceMs }: Speculation, newFrom: number, now: number) {
  const isOngoing = from === newFrom && words !== '';
  const intervalMs = Math.min(now - changedAt, MAX_PACE_MS);
  const nextMs = isOngoing ? paceMs + WEIGHT * (intervalMs - paceMs) : paceMs;
  return { changedAt: now, paceMs: nextMs, isTried: false };
}

function stableAfterMs({ paceMs }: Speculation): number {
  return Math.max(MIN_STABLE_MS, STABLE_PACES * paceMs);
}

function withoutDraft(call: Call): Call {
  if (!call.speculation) return call;
  const { draft: _gone, ...heard } = call.speculation;
  return { ...call, speculation: heard };
}

/** Whether an answer to the one is an answer to the other: the same utterances, then the same words of the user. */
function saySame(one: Transcript, other: Transcript): boolean {
  const [a, b] = [newestSpeech(one), newestSpeech(other)];
  if (a.from !== b.from || normaliseWords(a.text) !== normaliseWords(b.text)) return false;
  return one.slice(0, a.from).every((utterance, index) => {
    const its = other[index];
    if (utterance === its) return true;
    return utterance.role === its?.role && normaliseWords(utterance.content) === normaliseWords(its.content);
  });
}

/** The utterances of the user at the transcript's end, and how many stand before them. */
function newestSpeech(transcript: Transcript): { readonly from: number; readonly text: string } {
  const from = transcript.findLastIndex(({ role }) => role !== 'user') + 1;
  const contents = transcript.slice(from).map(({ content }) => content);
  return { from, text: contents.join(' ').trim() };
}

function looksComplete(text: string): boolean {
  return SENTENCE_END.test(text) && !TRAILS_OFF.test(text);
}

/** One stretch of speech by one role. `user` is the human on the line, whoever dialled. */
export interface Utterance {
  readonly role: 'agent' | 'user' | 'transfer_target';
  readonly content: string;
}

/** The utterances so far, as Retell last told them: the truth about what was heard. */
export type Transcript = readonly Utterance[];

/** What the user said last, over all their utterances since the agent last spoke; empty when they have not. */
export function lastUserWords(transcript: Transcript): string {
  const words: string[] = [];
  for (let i = transcript.length - 1; i >= 0; i--) {
    const utterance = transcript[i];
    if (utterance?.role === 'agent') break;
    if (utterance?.role === 'user') words.unshift(utterance.content);
  }
  return words.join(' ').trim();
}

/** What the agent was last heard to say. */
export function lastAgentWords(transcript: Transcript): string {
  return transcript.findLast((utterance) => utterance.role === 'agent')?.content ?? '';
}

/** What callers heard of the agent since a transcript of `since` utterances, joined. */
export function heardSince(transcript: Transcript, since: number): string {
  return transcript
    .slice(since)
    .filter((utterance) => utterance.role === 'agent')
    .map((utterance) => utterance.content)
    .join(' ');
}

/** Words alone, lower-cased: how two renderings of one speech are compared. Marks (Hindi's vowels) are part of them. */
export function normaliseWords(text: string): string {
  const words = text
    .normalize('NFC')
    .toLowerCase()
    .match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu);
  return words?.join(' ') ?? '';
}

/** An utterance that is new or was revised, at its place in the transcript. */
export interface PlacedUtterance extends Utterance {
  readonly index: number;
}

/** What must be written so that a store holding `before` holds `after`. Retell may revise, so not only the tail is compared. */
export function changedUtterances(before: Transcript, after: Transcript): readonly PlacedUtterance[] {
  const changed: PlacedUtterance[] = [];
  for (let index = 0; index < after.length; index++) {
    const now = after[index];
    const then = before[index];
    if (now && (now.role !== then?.role || now.content !== then.content)) changed.push({ index, ...now });
  }
  return changed;
}

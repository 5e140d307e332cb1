import { normaliseWords } from '../../call/transcript.ts';

const END = /[.!?…。！？]+["'”’)\]]*(?=\s|$)/gu;
const ABBREVIATION = /(?:^|\s)(?:dr|mr|mrs|ms|st|no|vs|e\.g|i\.e|a\.m|p\.m)\.$/i;

/** Index just after the last complete sentence of a text that may still grow; 0 when none is complete. */
export function endOfSentences(text: string): number {
  let end = 0;
  for (const [, at] of ends(text)) end = at;
  return end;
}

/**
 * The complete sentences of a text so far. `isComplete` means nothing follows, so the rest counts as one too.
 * Retell's own rule is not published; this is the plain one: a stop, then white space or the end.
 */
export function completeSentences(text: string, isComplete: boolean): readonly string[] {
  const sentences: string[] = [];
  let from = 0;
  for (const [, at] of ends(text)) {
    sentences.push(text.slice(from, at).trim());
    from = at;
  }
  const rest = text.slice(from).trim();
  if (isComplete && rest !== '') sentences.push(rest);
  return sentences;
}

/** Words as they are spoken one after another. */
export function wordsOf(text: string): readonly string[] {
  return text.split(/\s+/u).filter((word) => word !== '');
}

const LIKELY_FILLER =
  /^(?:(?:okay|ok|alright|sure|thanks|thank you|of course|right)\s)*(?:just )?(?:one|a|give me a|hold on|bear with me|let me (?:see|check|look|think)|still (?:checking|looking|with you|working)|i m (?:still )?(?:checking|looking)|almost there)(?: (?:just )?(?:one|a|moment|second|sec|minute|please|that|for you|up|into|it|on))*$/;

/**
 * Says whether a sentence only buys time.
 *
 * @param fillers the agent's own lines; when none are given, short lines like "One moment, please." count
 */
export function fillerTest(fillers: readonly string[]): (sentence: string) => boolean {
  const known = new Set(fillers.flatMap((line) => [line, ...completeSentences(line, true)]).map(normaliseWords));
  if (known.size > 0) return (sentence) => known.has(normaliseWords(sentence));
  return (sentence) => LIKELY_FILLER.test(normaliseWords(sentence));
}

/**
 * Says whether a text ends with one of these lines, however it is punctuated. At its end and not as a whole: a filler
 * may have come before, or the part of an answer that was cut short.
 */
export function apologyTest(apologies: readonly string[]): (text: string) => boolean {
  const known = apologies.map(normaliseWords).filter((line) => line !== '');
  return (text) => {
    const said = ` ${normaliseWords(text)}`;
    return known.some((line) => said.endsWith(` ${line}`));
  };
}

function* ends(text: string): Generator<readonly [number, number]> {
  for (const match of text.matchAll(END)) {
    const at = match.index + match[0].length;
    const before = text.slice(0, at);
    if (ABBREVIATION.test(before)) continue;
    // "3." at the very end may become "3.5" with the next chunk.
    if (at === text.length && /\d\.$/.test(before)) continue;
    yield [match.index, at];
  }
}

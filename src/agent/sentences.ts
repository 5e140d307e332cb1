/**
 * Cuts a stream of text into whole sentences. Retell speaks from a sentence's end, a race is decided by the first
 * one, and a cut stream can be mended between two, so sentences are what we send.
 */
const END = /[.!?…]+["')\]]*(?=\s)|[。！？]|\n+/gu;
/** Words after which a full stop ends nothing. */
const ABBREVIATION = /(?:^|\s)(?:mr|mrs|ms|dr|st|no|vs|etc|e\.g|i\.e|approx|[a-z])\.$/i;
/** A sentence this long is cut at a clause, so that nobody waits for the end of a long one. */
const LONG_CHARS = 160;
const CLAUSE = /[,;:—–]\s/g;

/** Turns text as it grows into sentences: `push` gives those that are complete, `flush` the rest. */
export function sentenceCutter(): { push(text: string): readonly string[]; flush(): readonly string[] } {
  let rest = '';
  return {
    push(text) {
      rest += text;
      const sentences: string[] = [];
      for (let end = nextEnd(rest); end > 0; end = nextEnd(rest)) {
        sentences.push(speakable(rest.slice(0, end)));
        rest = rest.slice(end);
      }
      return sentences.filter((sentence) => sentence !== '');
    },
    flush() {
      const last = speakable(rest);
      rest = '';
      return last === '' ? [] : [last];
    },
  };
}

/** The position after the first sentence of `text`, or 0 when none is complete. */
function nextEnd(text: string): number {
  for (const match of text.matchAll(END)) {
    const end = match.index + match[0].length;
    if (speakable(text.slice(0, end)) !== '' && !ABBREVIATION.test(text.slice(0, end))) return end;
  }
  if (text.length < LONG_CHARS) return 0;
  const clauses = [...text.slice(0, LONG_CHARS).matchAll(CLAUSE)];
  const last = clauses.at(-1);
  return last && last.index > LONG_CHARS / 4 ? last.index + 1 : 0;
}

/** Text as a voice can say it: no Markdown, no pictures, single spaces. */
export function speakable(text: string): string {
  return text
    .replace(/[*_#`~]+/g, '')
    .replace(/^\s*[-•]\s+/gm, '')
    .replace(/\p{Extended_Pictographic}|\uFE0F/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/**
 * Cuts a stream of text into whole sentences. Retell speaks from a sentence's end, a race is decided by the first
 * one, and a cut stream can be mended between two, so sentences are what we send. However the text was split on
 * its way, the sentences are the same: that is how a second draft's repetitions are known.
 */
const CLOSERS = String.raw`"'”’»)\]*_~\x60\p{Extended_Pictographic}\p{Emoji_Modifier}\u200D\uFE0F`;
const CJK_MARKS = `。！？」』）”’"'`;
/** Marks and what closes them before a space; marks that need no space, once all of them are there; a new line. */
const END = new RegExp(String.raw`[.!?…؟।]+[${CLOSERS}]*(?=\s)|[。！？][${CJK_MARKS}]*(?=[^${CJK_MARKS}])|\n`, 'gu');
const WORD = /[\p{L}\p{N}]/u;

/** After these a full stop ends nothing. */
const TITLES = new Set(['mr', 'mrs', 'ms', 'dr', 'prof', 'rev', 'vs', 'approx', 'e.g', 'i.e']);
/** After these it may, unless a small letter or a figure follows. */
const UNCLEAR = /^(?:etc|st|ave|jr|sr|inc|ltd|co|(?:\p{L}\.)+\p{L})$/u;

/** A sentence this long is cut at a clause, so that nobody waits for the end of a long one. */
const LONG_CHARS = 160;
/** A text without clauses is cut here between two words: what is held back stays small, whatever a model writes. */
const MAX_CHARS = 320;
const CLAUSE = /[,;:—–]["'”’»)\]]*(?=\s)|[，、；：]/g;

/** Turns text as it grows into sentences: `push` gives those that are complete, `flush` the rest. */
export function sentenceCutter(): { push(text: string): readonly string[]; flush(): readonly string[] } {
  let rest = '';
  return {
    push(text) {
      rest = (rest + text).trimStart();
      const sentences: string[] = [];
      for (let end = nextEnd(rest); end > 0; end = nextEnd(rest)) {
        sentences.push(speakable(rest.slice(0, end)));
        rest = rest.slice(end).trimStart();
      }
      return sentences.filter(hasWord);
    },
    flush() {
      const last = speakable(rest);
      rest = '';
      return [last].filter(hasWord);
    },
  };
}

function hasWord(text: string): boolean {
  return WORD.test(text);
}

/** Where the first sentence of `text` ends, or 0 while that cannot be said: more text never changes the answer. */
function nextEnd(text: string): number {
  const full = fullEnd(text);
  const clause = text.length > LONG_CHARS && (full === undefined || full.at > LONG_CHARS) ? clauseEnd(text) : undefined;
  if (full && (clause === undefined || full.at < clause)) return full.isClear ? full.at : 0;
  if (clause !== undefined) return clause;
  return text.length > MAX_CHARS ? wordEnd(text) : 0;
}

/** Where the first whole sentence ends; not clear while what follows its full stop must decide. */
function fullEnd(text: string): { readonly at: number; readonly isClear: boolean } | undefined {
  for (const match of text.slice(0, MAX_CHARS + 1).matchAll(END)) {
    const at = match.index + match[0].length;
    const sentence = text.slice(0, at);
    const isEnd = hasWord(sentence) && endsHere(sentence, text.slice(at));
    if (isEnd !== false) return { at, isClear: isEnd === true };
  }
  return undefined;
}

/** The last clause that ends before a sentence is too long, else the first one after. */
function clauseEnd(text: string): number | undefined {
  const ends = [...text.slice(0, MAX_CHARS + 1).matchAll(CLAUSE)].map(({ 0: marks, index }) => index + marks.length);
  return ends.findLast((at) => at > LONG_CHARS / 4 && at <= LONG_CHARS) ?? ends.find((at) => at > LONG_CHARS);
}

/** Whether a full stop after `sentence` ends it, or belongs to its last word; undefined while `after` is too short. */
function endsHere(sentence: string, after: string): boolean | undefined {
  const last = /([\p{L}\p{N}.]*[\p{L}\p{N}])\.[^\p{L}\p{N}.\s]*$/u.exec(sentence);
  const word = last?.[1]?.toLowerCase();
  if (last === null || word === undefined) return true;
  const isListNumber = last.index === 0 && /^\d{1,3}$/.test(word);
  const isInitial = /^\p{L}$/u.test(word) && word !== 'i';
  if (isListNumber || isInitial || TITLES.has(word)) return false;
  if (word !== 'no' && !UNCLEAR.test(word)) return true;
  const next = /^\s*(\S)/u.exec(after)?.[1];
  if (next === undefined) return after.includes('\n') ? true : undefined;
  return !(word === 'no' ? /\p{N}/u : /[\p{Ll}\p{N}]/u).test(next);
}

/** The last space a long text can be cut at; the middle of a word only where there is none. */
function wordEnd(text: string): number {
  const space = text.lastIndexOf(' ', MAX_CHARS);
  if (space > 0) return space;
  return /[\uD800-\uDBFF]/.test(text.charAt(MAX_CHARS - 1)) ? MAX_CHARS - 1 : MAX_CHARS;
}

/** Text as a voice can say it: no Markdown, no pictures, single spaces. What is part of a word or a key stays. */
function speakable(text: string): string {
  return text
    .replace(/^\s*(?:#{1,6}|[-•*])\s+/gm, '')
    .replace(/`+|~~|\*\*+|__+/g, '')
    .replace(/(?<![\p{L}\p{N}])([*_])(?=\S)([^*_]*\S)\1(?![\p{L}\p{N}])/gu, '$2')
    .replace(
      /[\p{Extended_Pictographic}\p{Regional_Indicator}](?:\p{Emoji_Modifier}|\uFE0F|\u200D)*|\uFE0F|\u20E3/gu,
      '',
    )
    .replace(/\s+/g, ' ')
    .trim();
}

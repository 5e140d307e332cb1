import type { WireUtterance, WireWord } from '../../retell/frames.ts';
import type { SpokenWords } from './voice.ts';

interface Stretch {
  readonly role: 'agent' | 'user';
  content: string;
  readonly words: WireWord[];
}

/** Anything but speech that Retell weaves into `transcript_with_tool_calls`. */
export type WireItem = Readonly<Record<string, unknown>> & { readonly role: string };

/** What Retell has of a call: who said what, word by word, in seconds of audio time. Only what was heard is on it. */
export class Tape {
  readonly #items: (Stretch | WireItem)[] = [];
  readonly #speech: Stretch[] = [];
  readonly #startedAt: number;
  readonly #speechRate: number;
  #isSealed = true;
  /** The newest word as it was spoken, where it was told as another. */
  #spoken: string | undefined;

  /** @param speechRate audio time per real time: at 10, a second of audio takes 100 ms */
  constructor(startedAt: number, speechRate: number) {
    this.#startedAt = startedAt;
    this.#speechRate = speechRate;
  }

  /** Adds words to the open stretch of this role, or begins one. */
  add(role: 'agent' | 'user', spoken: SpokenWords, wordMs: number): void {
    let stretch = this.#isSealed ? undefined : this.#speech.at(-1);
    if (stretch?.role !== role) {
      stretch = { role, content: '', words: [] };
      this.#speech.push(stretch);
      this.#items.push(stretch);
      this.#isSealed = false;
    }
    for (const [index, word] of spoken.words.entries()) {
      const start = this.#audioSeconds(spoken.startedAt + index * wordMs);
      const end = this.#audioSeconds(spoken.startedAt + (index + 1) * wordMs);
      stretch.content += stretch.content === '' ? word : ` ${word}`;
      stretch.words.push({ word, start, end });
    }
  }

  /** Tells the newest word as another, until `correct`. */
  mishear(heardAs: string): void {
    this.#spoken = this.#replaceNewest(heardAs);
  }

  /** Retell knows better by now: what was misheard is told as it was spoken. Before anything else is added. */
  correct(): void {
    if (this.#spoken !== undefined) this.#replaceNewest(this.#spoken);
    this.#spoken = undefined;
  }

  #replaceNewest(word: string): string | undefined {
    const stretch = this.#speech.at(-1);
    const newest = stretch?.words.at(-1);
    if (!stretch || newest?.word === undefined) return undefined;
    stretch.content = stretch.content.slice(0, stretch.content.length - newest.word.length) + word;
    stretch.words[stretch.words.length - 1] = { ...newest, word };
    return newest.word;
  }

  /** The next words begin a new stretch even when the same role speaks on. */
  seal(): void {
    this.#isSealed = true;
  }

  weave(item: WireItem): void {
    this.#items.push(item);
  }

  /** The utterances so far; valid until the next word, so print it at once. */
  transcript(hasWords: boolean): readonly WireUtterance[] {
    return hasWords ? this.#speech : this.#speech.map(({ role, content }) => ({ role, content }));
  }

  /** The same with tool calls and digits among the speech, in the order of their time. */
  woven(): readonly Record<string, unknown>[] {
    return this.#items.map((item) => ({ ...item }));
  }

  #audioSeconds(atMs: number): number {
    return Math.round((atMs - this.#startedAt) * this.#speechRate) / 1000;
  }
}

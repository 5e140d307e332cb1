import type { Clock } from '../../std/clock.ts';
import { type SpokenWords, Voice } from './voice.ts';

/** How what a person says becomes what Retell tells. */
export interface Hearing {
  /** From the last partial transcript to the ask, in real milliseconds: Retell judges whether they have finished. */
  readonly gapMs: number;
  /** Partial transcripts whose last word the next one, or the ask, corrects; from 0 to 1. */
  readonly revisions: number;
  /** Words after which the person stops to think, so that it looks as if they had finished; from 0 to 1. */
  readonly pauses: number;
}

/** Every word is understood at once, and the ask comes with the last of them. */
export const PERFECT_HEARING: Hearing = { gapMs: 0, revisions: 0, pauses: 0 };

/** How long a person thinks in mid-speech, in milliseconds of audio. */
const PAUSE_MS = { least: 500, most: 1_500 };

interface UserSpeechOptions {
  readonly clock: Clock;
  readonly speechRate: number;
  readonly wordMs: number;
  readonly phraseWords: number;
  readonly hearing: Hearing;
  /** In [0, 1). */
  readonly random: () => number;
  /** @param heardAs what the last of them was taken for, until Retell knows better */
  readonly onWords: (spoken: SpokenWords, heardAs: string | undefined) => void;
  /** Retell takes it that they have finished. */
  readonly onFinished: () => void;
}

/** The person on the line: speaks in stretches, is misheard now and then, and is asked about a little late. */
export class UserSpeech {
  readonly #options: UserSpeechOptions;
  readonly #voice: Voice;
  #stretches: (readonly string[])[] = [];
  #cancelPause: (() => void) | undefined;

  constructor(options: UserSpeechOptions) {
    this.#options = options;
    this.#voice = new Voice({ ...options, onWords: (spoken) => this.#report(spoken), onIdle: () => this.#rest() });
  }

  /** Are there words to come, or an ask for them? */
  get isSpeaking(): boolean {
    return this.#voice.isSpeaking || this.#cancelPause !== undefined;
  }

  /** Goes on from what is still to come, without a pause between: only within `words` do they stop to think. */
  say(words: readonly string[]): void {
    if (words.length === 0) return;
    const [now = [], ...later] = this.#split(words);
    const last = this.#stretches.pop();
    if (last) {
      this.#stretches.push([...last, ...now], ...later);
      return;
    }
    // With nothing behind it, a pause that runs is the gap: whoever goes on has not finished.
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    this.#stretches = later;
    this.#voice.feed(now);
  }

  /** Falls silent now, and nobody asks. */
  stop(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    this.#stretches = [];
    this.#voice.stop();
  }

  #split(words: readonly string[]): (readonly string[])[] {
    const { hearing, random } = this.#options;
    if (hearing.pauses === 0) return [words];
    const stretches: string[][] = [[]];
    for (const [index, word] of words.entries()) {
      stretches.at(-1)?.push(word);
      if (index < words.length - 1 && random() < hearing.pauses) stretches.push([]);
    }
    return stretches;
  }

  #next(): void {
    const stretch = this.#stretches.shift();
    if (stretch) this.#voice.feed(stretch);
  }

  #report(spoken: SpokenWords): void {
    const { hearing, random, onWords } = this.#options;
    const isMisheard = hearing.revisions > 0 && random() < hearing.revisions;
    const isOngoing = this.#voice.isSpeaking || this.#stretches.length > 0;
    onWords(spoken, isMisheard ? misheard(spoken.words.at(-1) ?? '', isOngoing) : undefined);
  }

  #rest(): void {
    const { hearing, random, speechRate, onFinished } = this.#options;
    if (this.#stretches.length > 0) {
      const audioMs = PAUSE_MS.least + random() * (PAUSE_MS.most - PAUSE_MS.least);
      this.#pause(audioMs / speechRate, () => this.#next());
    } else if (hearing.gapMs > 0) this.#pause(hearing.gapMs, onFinished);
    else onFinished();
  }

  #pause(ms: number, then: () => void): void {
    this.#cancelPause = this.#options.clock.after(ms, () => {
      this.#cancelPause = undefined;
      then();
    });
  }
}

/** In mid-speech a recogniser sees sentences end that go on; at the end it takes a word for another. */
function misheard(word: string, isOngoing: boolean): string {
  const [, letters = word, mark = ''] = /^(.*?)([.!?,]*)$/.exec(word) ?? [];
  if (isOngoing) return `${letters}.`;
  return `${letters.length > 1 ? letters.slice(0, -1) : 'uh'}${mark}`;
}

import type { Clock } from '../../std/clock.ts';

/** Words as they were spoken: the n-th began at `startedAt + n * wordMs`. */
export interface SpokenWords {
  readonly words: readonly string[];
  readonly startedAt: number;
}

/** How fast to speak, and who is told. */
interface VoiceOptions {
  readonly clock: Clock;
  /** How long one word takes. */
  readonly wordMs: number;
  /** Words spoken between two reports. */
  readonly phraseWords: number;
  readonly onWords: (spoken: SpokenWords) => void;
  /** All that was fed has been spoken. */
  readonly onIdle: () => void;
}

/** Speaks words at a human's pace, or a multiple of it; can be cut at any word. */
export class Voice {
  readonly #options: VoiceOptions;
  #queue: string[] = [];
  /** When the first word of the queue began to sound. */
  #since = 0;
  #cancelTick: (() => void) | undefined;

  constructor(options: VoiceOptions) {
    this.#options = options;
  }

  get isSpeaking(): boolean {
    return this.#queue.length > 0;
  }

  /** Speaks these words after those still waiting. */
  feed(words: readonly string[]): void {
    if (words.length === 0) return;
    if (this.#queue.length === 0) this.#since = this.#options.clock.now();
    this.#queue.push(...words);
    if (!this.#cancelTick) this.#arm();
  }

  /** Falls silent now. What has sounded by now is reported, the rest is never spoken. */
  stop(): void {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
    this.#speak(this.#dueWords());
    this.#queue = [];
  }

  #arm(): void {
    const count = Math.min(this.#options.phraseWords, this.#queue.length);
    this.#cancelTick = this.#options.clock.after(
      this.#since + count * this.#options.wordMs - this.#options.clock.now(),
      () => {
        this.#cancelTick = undefined;
        // A timer may fire a fraction early: the phrase it was set for has been spoken all the same.
        this.#speak(Math.max(count, this.#dueWords()));
        if (this.#queue.length > 0) this.#arm();
        else this.#options.onIdle();
      },
    );
  }

  #dueWords(): number {
    const elapsedMs = this.#options.clock.now() - this.#since;
    return Math.min(this.#queue.length, Math.floor(elapsedMs / this.#options.wordMs));
  }

  /** Phrase by phrase, also when the timer was late: reports do not depend on how busy the machine is. */
  #speak(count: number): void {
    for (let left = count; left > 0; left -= this.#options.phraseWords) {
      const words = this.#queue.splice(0, Math.min(left, this.#options.phraseWords));
      const startedAt = this.#since;
      this.#since += words.length * this.#options.wordMs;
      this.#options.onWords({ words, startedAt });
    }
  }
}

import type { Speech } from '../../retell/frames.ts';
import type { Clock } from '../../std/clock.ts';
import type { LineAction } from './events.ts';
import { endOfSentences, wordsOf } from './sentences.ts';
import { type SpokenWords, Voice } from './voice.ts';

/** What the line does about the agent's speech. */
interface AgentSpeechHooks {
  /** The agent is about to speak. */
  readonly began: () => void;
  readonly words: (spoken: SpokenWords) => void;
  readonly progress: (responseId: number, spokenWords: number, knownWords: number, isComplete: boolean) => void;
  /** Everything of this id has been spoken; its action may run. */
  readonly finished: (responseId: number, text: string, action: LineAction | undefined) => void;
  readonly interrupted: (responseId: number, text: string) => void;
}

/** How fast the agent speaks, and who is told. */
interface AgentSpeechOptions {
  readonly clock: Clock;
  readonly wordMs: number;
  readonly phraseWords: number;
  readonly hooks: AgentSpeechHooks;
}

/** What Retell speaks of an answer: from the first complete sentence on, one id at a time, cut by the caller. */
export class AgentSpeech {
  readonly #options: AgentSpeechOptions;
  readonly #voice: Voice;
  #id = 0;
  #text = '';
  #fed = 0;
  #spoken: string[] = [];
  #isComplete = false;
  #isDone = false;
  #isProtected = false;
  #action: LineAction | undefined;

  constructor(options: AgentSpeechOptions) {
    this.#options = options;
    this.#voice = new Voice({
      clock: options.clock,
      wordMs: options.wordMs,
      phraseWords: options.phraseWords,
      onWords: (spoken) => {
        this.#spoken.push(...spoken.words);
        options.hooks.words(spoken);
        options.hooks.progress(this.#id, this.#spoken.length, wordsOf(this.#text).length, this.#isComplete);
      },
      onIdle: () => this.#settle(),
    });
  }

  get isSpeaking(): boolean {
    return this.#voice.isSpeaking;
  }

  /** False while content that forbids interruption is being spoken. */
  get mayBeInterrupted(): boolean {
    return !(this.#isProtected && this.#voice.isSpeaking);
  }

  /** From now on only content of this id is spoken; what was left of the one before is never heard. */
  expect(responseId: number): void {
    this.#voice.stop();
    this.#id = responseId;
    this.#text = '';
    this.#fed = 0;
    this.#spoken = [];
    this.#isComplete = false;
    this.#isDone = false;
    this.#isProtected = false;
    this.#action = undefined;
  }

  /** Content for the expected id; after its completion, or after the caller cut it, content vanishes. */
  receive(frame: Speech): void {
    if (this.#isComplete || this.#isDone) return;
    this.#text += frame.content;
    this.#isComplete = frame.content_complete;
    this.#isProtected ||= frame.no_interruption_allowed === true;
    this.#action ??= actionOf(frame);
    const end = this.#isComplete ? this.#text.length : endOfSentences(this.#text);
    const words = wordsOf(this.#text.slice(this.#fed, end));
    this.#fed = Math.max(this.#fed, end);
    if (words.length > 0) {
      if (this.#spoken.length === 0 && !this.#voice.isSpeaking) this.#options.hooks.began();
      this.#voice.feed(words);
    } else if (!this.#voice.isSpeaking) {
      this.#settle();
    }
  }

  /** The caller takes the floor: the rest is never spoken and an action waiting for its end is cancelled. */
  interrupt(): void {
    if (this.#isDone) return;
    const wasSpeaking = this.#voice.isSpeaking;
    this.#voice.stop();
    this.#isDone = true;
    this.#action = undefined;
    if (wasSpeaking) this.#options.hooks.interrupted(this.#id, this.#spoken.join(' '));
  }

  stop(): void {
    this.#isDone = true;
    this.#voice.stop();
  }

  #settle(): void {
    if (!this.#isComplete || this.#isDone) return;
    this.#isDone = true;
    this.#options.hooks.finished(this.#id, this.#spoken.join(' '), this.#action);
  }
}

/** The one action of a frame, in the order Retell weighs them. */
export function actionOf(frame: Speech): LineAction | undefined {
  if (frame.end_call === true) return { kind: 'end' };
  if (frame.transfer_number !== undefined) return { kind: 'transfer', number: frame.transfer_number };
  if (frame.digit_to_press !== undefined) return { kind: 'digits', digits: frame.digit_to_press };
  return undefined;
}

import { DEAD_AIR_AFTER_MS } from '../../call/budget.ts';
import type { LineEvent } from '../line/events.ts';
import { completeSentences } from '../line/sentences.ts';

/** One ask as the caller lived through it; times in milliseconds from the ask, by the simulator's clock. */
export interface TurnMeasure {
  readonly responseId: number;
  readonly ask: 'response' | 'reminder';
  /**
   * `superseded`: the caller spoke on. `abandoned`: the caller hung up. `lost`: never closed with words or an
   * action, or not within the limit.
   */
  readonly outcome: 'answered' | 'superseded' | 'abandoned' | 'lost';
  /** To the end of the first complete sentence, filler or not. */
  readonly firstSentenceMs?: number;
  /** To the end of the first sentence that is not a filler. */
  readonly answerMs?: number;
  readonly hadFiller: boolean;
  /** Answered, with a line that only says there is no answer. */
  readonly isApology: boolean;
  /** Time beyond 1.0 s in which neither filler nor answer had come; 0 when there was none. */
  readonly deadAirMs: number;
  /** The socket was lost before the answer: times count from the reconnect, and are reported apart. */
  readonly isResumed: boolean;
}

interface OpenTurn {
  readonly responseId: number;
  readonly ask: 'response' | 'reminder';
  /** Undefined while there is no socket to answer on. */
  countedFrom: number | undefined;
  text: string;
  hasAction: boolean;
  firstSentenceMs: number | undefined;
  answerMs: number | undefined;
  hadFiller: boolean;
  isResumed: boolean;
  sentences: number;
}

/** What the meter must be told, and whom it tells. */
interface TurnMeterOptions {
  readonly isFiller: (sentence: string) => boolean;
  /** Of all that was said in a turn; without it no turn counts as an apology. */
  readonly isApology?: (text: string) => boolean;
  /** An ask neither superseded nor closed within this time is lost. */
  readonly lostAfterMs: number;
  readonly onTurn?: (turn: TurnMeasure) => void;
}

/** Measures the turns of one call from the events of its line; holds no clock. */
export class TurnMeter {
  readonly #options: TurnMeterOptions;
  readonly #turns: TurnMeasure[] = [];
  #open: OpenTurn | undefined;

  constructor(options: TurnMeterOptions) {
    this.#options = options;
  }

  /** Turns that have ended, in their order. */
  get turns(): readonly TurnMeasure[] {
    return this.#turns;
  }

  observe(event: LineEvent): void {
    const turn = this.#open;
    switch (event.kind) {
      case 'asked':
        if (event.isReissue) return;
        this.#close('superseded', event.atMs);
        this.#open = openTurn(event);
        return;
      case 'userBegan':
        this.#close('superseded', event.atMs);
        return;
      case 'lost':
        if (turn && turn.answerMs === undefined) {
          turn.countedFrom = undefined;
          turn.isResumed = true;
        }
        return;
      case 'opened':
        if (turn) turn.countedFrom ??= event.atMs;
        return;
      case 'chunk':
        // The agent's own interruption answers the open ask as well: the caller hears someone.
        if (turn && (event.responseId ?? turn.responseId) === turn.responseId) this.#read(turn, event);
        return;
      case 'over':
        this.#close(event.reason === 'user_hangup' ? 'abandoned' : 'lost', event.atMs);
        return;
      default:
        return;
    }
  }

  #read(turn: OpenTurn, chunk: Extract<LineEvent, { kind: 'chunk' }>): void {
    turn.text += chunk.content;
    turn.hasAction ||= chunk.action !== undefined;
    const elapsedMs = Math.max(0, chunk.atMs - (turn.countedFrom ?? chunk.atMs));
    const sentences = completeSentences(turn.text, chunk.isComplete);
    for (const sentence of sentences.slice(turn.sentences)) {
      turn.firstSentenceMs ??= elapsedMs;
      if (turn.answerMs !== undefined) break;
      if (this.#options.isFiller(sentence)) turn.hadFiller = true;
      else turn.answerMs = elapsedMs;
    }
    turn.sentences = sentences.length;
    if (!chunk.isComplete) return;
    const isAnswered = sentences.length > 0 || turn.hasAction;
    this.#close(isAnswered ? 'answered' : 'lost', chunk.atMs);
  }

  #close(ending: TurnMeasure['outcome'], atMs: number): void {
    const turn = this.#open;
    if (!turn) return;
    this.#open = undefined;
    const { isApology, lostAfterMs, onTurn } = this.#options;
    const { responseId, ask, firstSentenceMs, answerMs, hadFiller, isResumed } = turn;
    const openMs = turn.countedFrom === undefined ? 0 : atMs - turn.countedFrom;
    const outcome = openMs > lostAfterMs && answerMs === undefined ? 'lost' : ending;
    // An action without words is an answer too, so there is no silence after it.
    const waitedMs = firstSentenceMs ?? openMs;
    const measure: TurnMeasure = {
      responseId,
      ask,
      outcome,
      ...(firstSentenceMs !== undefined && { firstSentenceMs }),
      ...(answerMs !== undefined && { answerMs }),
      hadFiller,
      isApology: outcome === 'answered' && isApology?.(turn.text) === true,
      deadAirMs: Math.max(0, waitedMs - DEAD_AIR_AFTER_MS),
      isResumed,
    };
    this.#turns.push(measure);
    onTurn?.(measure);
  }
}

function openTurn(asked: Extract<LineEvent, { kind: 'asked' }>): OpenTurn {
  return {
    responseId: asked.responseId,
    ask: asked.ask,
    countedFrom: asked.atMs,
    text: '',
    hasAction: false,
    firstSentenceMs: undefined,
    answerMs: undefined,
    hadFiller: false,
    isResumed: false,
    sentences: 0,
  };
}

/** What the generator is to play. */
export interface LoadOrder {
  readonly port: number;
  readonly seed: number;
  readonly calls: number;
  readonly turns: number;
  /** Calls are up to this many turns old when they are dialled, evenly spread: their frames are as long as that. */
  readonly maxAge?: number;
  /** All calls are this old: `maxAge` spreads them from here. Default 0. */
  readonly minAge?: number;
  readonly hasTools?: boolean;
  /**
   * The first turns of each call whose times are left out. Calls are dialled all at once and are old when they are: what
   * a server does once for a call would stand before every other turn. Default 0.
   */
  readonly uncounted?: number;
  /** Callers speak word by word at their own pace, instead of six updates and an ask at even moments. */
  readonly speech?: SpeechOrder;
  readonly pace:
    | {
        /** A turn every so often, whether or not the one before was answered; its updates lie between. */
        readonly kind: 'open';
        readonly everyMs: number;
      }
    | {
        /** The next turn once the one before is complete; so many calls are in a turn at a time, all take theirs. */
        readonly kind: 'backToBack';
        readonly atOnce: number;
      };
}

/** How callers speak and are heard; what is not here is in speech.ts. */
export interface SpeechOrder {
  /** From the last partial transcript to the ask. */
  readonly gapMs: number;
  /** Asks whose words differ from the last partial transcript, from 0 to 1. */
  readonly revisions: number;
  /** Turns that are asked for before the caller has finished, and once more when they have. */
  readonly reasks: number;
}

/** What came of it. */
export interface LoadResult {
  /** Turns whose answer was complete with the model's words. */
  readonly answered: number;
  /** Turns that ended in another line, or not at all. */
  readonly lost: number;
  /** Sockets that the server let go of, by reason. */
  readonly broken: Readonly<Record<string, number>>;
  /** From the ask to the first whole sentence of the answer, in milliseconds, in order of arrival. */
  readonly answerMs: readonly number[];
  /** How late the generator itself was at worst, in milliseconds: open loop only. */
  readonly lateMs: number;
  readonly durationMs: number;
}

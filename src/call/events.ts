import type { CallId } from './call.ts';

/** How a turn ended: the shares the status page shows are counted from these. */
export type TurnOutcome = 'answered' | 'line' | 'fallback' | 'superseded' | 'interrupted';

/**
 * Facts the world may read: past tense, immutable, versioned by `v`, without a word of what was said. Order is
 * promised among the facts of one call by (epoch, seq).
 */
export type CallFact =
  | { readonly type: 'call.started'; readonly agent: string; readonly agentVersion: string; readonly isProven: boolean }
  | {
      readonly type: 'call.resumed';
      /** Since the socket was lost; absent when the process died with it and nobody saw when. */
      readonly afterMs?: number;
      readonly openTurn: boolean;
    }
  | { readonly type: 'call.adrift' }
  | { readonly type: 'call.refused'; readonly action: 'transfer' | 'end' | 'callback' }
  | {
      readonly type: 'call.turn';
      readonly responseId: number;
      readonly ask: 'response' | 'reminder';
      readonly outcome: TurnOutcome;
      /** From the ask to the first sentence, filler or not; absent when nothing was said. */
      readonly firstSentenceMs?: number;
      /** From the ask to the first sentence that is not a filler. */
      readonly answerMs?: number;
      readonly fillers: number;
      readonly attempts: number;
      readonly tools: number;
      readonly budgetMs: number;
      /** The Fault's reason when the turn fell back. */
      readonly failure?: string;
    }
  /** A draft was started before Retell asked, and it was the answer, or it was not. */
  | { readonly type: 'call.speculated'; readonly outcome: 'adopted' | 'wasted' }
  | { readonly type: 'call.tool'; readonly name: string; readonly outcome: 'done' | 'failed' | 'unknown' }
  | { readonly type: 'call.reported'; readonly disconnectionReason: string; readonly durationMs?: number }
  | { readonly type: 'call.ended'; readonly reason: string };

/** The place of a fact among those of its call, and when it was recorded. */
export interface FactPlace {
  readonly callId: CallId;
  readonly epoch: number;
  readonly seq: number;
  readonly at: number;
}

export type CallEvent = CallFact & FactPlace & { readonly v: 1 };

/** Makes a fact an event, in the version written today. */
export function stamp(fact: CallFact, { callId, epoch, seq, at }: FactPlace): CallEvent {
  return { ...fact, v: 1, callId, epoch, seq, at };
}

import type { Action, DraftChunk, ToolOutcome } from './call.ts';
import type { Transcript } from './transcript.ts';

export type TimerName = 'filler' | 'second' | 'final' | 'limit' | 'hangUp' | 'closeAgain' | 'stable';

/** What the machine is told. `at` is Clock.now(): time reaches the machine as an argument. */
export type CallInput =
  | { readonly kind: 'opened'; readonly at: number; readonly isProven: boolean; readonly isResumed: boolean }
  | { readonly kind: 'proven'; readonly at: number }
  | {
      readonly kind: 'asked';
      readonly at: number;
      readonly ask: 'response' | 'reminder';
      readonly responseId: number;
      readonly transcript: Transcript;
      /** When to race a second draft, from the model's own recent times. */
      readonly secondAfterMs: number;
    }
  | { readonly kind: 'heard'; readonly at: number; readonly transcript: Transcript }
  | { readonly kind: 'chunk'; readonly at: number; readonly draftId: string; readonly chunk: DraftChunk }
  | { readonly kind: 'draftFailed'; readonly at: number; readonly draftId: string; readonly reason: string }
  | {
      readonly kind: 'toolSettled';
      readonly at: number;
      readonly toolCallId: string;
      readonly outcome: ToolOutcome;
    }
  /** Someone outside the call (an operator, a background job) has something to say in it. */
  | { readonly kind: 'interject'; readonly at: number; readonly text: string; readonly action?: Action }
  | { readonly kind: 'timer'; readonly at: number; readonly timer: TimerName }
  | { readonly kind: 'committed'; readonly at: number; readonly tag: CommitTag }
  /** The socket is gone; `isMove`: we let go of it, so that another process takes the call. */
  | { readonly kind: 'lost'; readonly at: number; readonly isMove?: true }
  | { readonly kind: 'ended'; readonly at: number; readonly reason: string };

/** Commits whose completion the machine waits for before it goes on. */
export type CommitTag = 'greeting' | 'tools';

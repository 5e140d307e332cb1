import type { Action, Said, SettledTool, Tell, ToolUse } from './call.ts';
import type { CallFact } from './events.ts';
import type { CommitTag, TimerName } from './inputs.ts';
import type { Transcript } from './transcript.ts';

/** What a draft needs to know of the turn it is for. */
export interface DraftOrder {
  readonly draftId: string;
  readonly attempt: 1 | 2;
  /** Of a speculative draft the newest ask so far: its own has not come. */
  readonly responseId: number;
  readonly transcript: Transcript;
  readonly settledTools: readonly SettledTool[];
  readonly variables: Readonly<Record<string, string>>;
  /** Already spoken in this turn: the draft continues after it and repeats none of it. */
  readonly said: readonly Said[];
  readonly isProven: boolean;
  /** The first draft still runs: this one races it. */
  readonly isRace?: boolean;
  /** Started before Retell asked, on the sign of a sentence's end or of a pause: `adopt` or `abort` says what became of it. */
  readonly speculatesOn?: 'sentence' | 'pause';
}

/** What the machine wants done, in order. Commits come before what must not happen unjournaled. */
export type Effect =
  | {
      readonly kind: 'say';
      readonly responseId: number;
      readonly text: string;
      readonly isComplete: boolean;
      readonly action?: Action;
    }
  | { readonly kind: 'draft'; readonly order: DraftOrder }
  | { readonly kind: 'abort'; readonly draftId: string }
  /** Retell asked for what this speculative draft was made from: it is the turn's from now on. */
  | { readonly kind: 'adopt'; readonly draftId: string }
  | { readonly kind: 'tool'; readonly use: ToolUse; readonly isProven: boolean }
  /** Speaks up unasked, over the caller if need be (`agent_interrupt`). */
  | {
      readonly kind: 'interject';
      readonly interruptId: number;
      readonly text: string;
      readonly action?: Action;
    }
  | { readonly kind: 'tell'; readonly tell: Tell }
  /** Tells Retell what a tool was asked, and what it answered, for its transcript. */
  | { readonly kind: 'noteUse'; readonly use: ToolUse }
  | { readonly kind: 'noteOutcome'; readonly settledTool: SettledTool }
  | { readonly kind: 'record'; readonly fact: CallFact }
  /** Stores the call as it now stands. With a tag, the machine waits for `committed`. */
  | { readonly kind: 'commit'; readonly tag?: CommitTag }
  | { readonly kind: 'arm'; readonly timer: TimerName; readonly at: number }
  | { readonly kind: 'disarm'; readonly timer: TimerName }
  /** Ends the call on purpose: the only close frame we ever send. */
  | { readonly kind: 'hangUp' };

import type { Budget } from './budget.ts';
import type { PlacedUtterance, Transcript } from './transcript.ts';

/** Retell's id of a call: `^[A-Za-z0-9_-]{8,64}$`. */
export type CallId = string & { readonly brand: 'CallId' };

const CALL_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** The id when it is well formed, else undefined. The only way to make a CallId. */
export function parseCallId(text: string): CallId | undefined {
  return CALL_ID.test(text) ? (text as CallId) : undefined;
}

/** What happens once the words of a turn have been spoken. At most one per turn; an interruption cancels it. */
export type Action =
  | { readonly kind: 'end' }
  | { readonly kind: 'transfer'; readonly number: string; readonly showCaller?: boolean }
  | { readonly kind: 'digits'; readonly digits: string };

/** What a tool may tell Retell beside its result; either is allowed at any time in a call. */
export type Tell =
  | { readonly kind: 'metadata'; readonly metadata: Readonly<Record<string, unknown>> }
  | { readonly kind: 'agent'; readonly config: AgentTuning };

/** Retell's settings that may change in mid-call. */
export interface AgentTuning {
  /** 0 to 1. */
  readonly responsiveness?: number;
  /** 0 (never interrupted) to 1. */
  readonly interruptionSensitivity?: number;
  readonly reminderTriggerMs?: number;
  /** 0 disables reminders. */
  readonly reminderMaxCount?: number;
}

/** When a call is handed on without asking the model: matched on every ask, the first rule that fits wins. */
export interface EscalationRule {
  readonly when: { readonly says: RegExp } | { readonly failures: number };
  readonly line: string;
  readonly action: Action;
}

/** Everything the machine must know of the agent: plain data, not stored with the call. */
export interface Rules {
  readonly agent: { readonly name: string; readonly version: string };
  readonly greeting: string;
  readonly budget: Budget;
  readonly fillers: readonly string[];
  /** Said while tools run on after the budget is spent. */
  readonly progress: readonly string[];
  readonly fallback: { readonly line: string; readonly action?: Action };
  /** After this many failed turns in a row, the parting line and its action. */
  readonly giveUp: { readonly after: number; readonly line: string; readonly action: Action };
  /** Answers to `reminder_required`, one after another; after the last, `farewell` ends the call. */
  readonly reminders: readonly string[];
  readonly farewell: string;
  /** Said before a transfer that the model asked for without a word. */
  readonly handoff: string;
  /** Said when it is unknown whether a `once` tool took effect; a yes lets it run again. */
  readonly uncertain: string;
  /** Closes an answer that broke off in the middle. */
  readonly cutShort: string;
  readonly escalation: readonly EscalationRule[];
  /** Drafts are started from partial transcripts, before Retell asks. Default false. */
  readonly speculates?: boolean;
}

/** A tool as a draft asks for it. `arguments` is the model's JSON text, not yet validated. */
export interface DraftedTool {
  readonly name: string;
  readonly arguments: string;
  /** `safe` tools have no effect worth waiting for: a re-ask does not hold its draft for them. */
  readonly isSafe: boolean;
}

/** What a draft brings: whole sentences, so that a race can be decided and a cut mended without half a word. */
export type DraftChunk =
  | { readonly kind: 'sentence'; readonly text: string }
  | { readonly kind: 'tools'; readonly requests: readonly DraftedTool[] }
  | { readonly kind: 'action'; readonly action: Action }
  | { readonly kind: 'end' };

/** A tool run by this call. It belongs to the call, not to the draft that asked. */
export interface ToolUse extends DraftedTool {
  readonly toolCallId: string;
  /** The request (counted up whenever an answer was heard) in which it was asked for. */
  readonly request: number;
  /** Utterances heard when it was asked for: where it belongs in the conversation. */
  readonly at: number;
  /** Ledger keys whose outcome the caller was told is unknown, before they asked again: these may be tried anew, once. */
  readonly granted: readonly string[];
}

/** A tool on its way. It starts once the commit that names it is stored. */
export interface RunningTool {
  readonly use: ToolUse;
  readonly isStarted: boolean;
}

export type ToolOutcome =
  | { readonly kind: 'done'; readonly content: string; readonly action?: Action; readonly tells?: readonly Tell[] }
  | { readonly kind: 'failed'; readonly content: string }
  /** It may or may not have taken effect: the caller must be asked before what `key` names is tried again. */
  | { readonly kind: 'unknown'; readonly key?: string };

/** A finished tool use, as later prompts show it. */
export interface SettledTool {
  readonly use: ToolUse;
  readonly outcome: ToolOutcome;
}

/** A sentence that left for the caller. */
export interface Said {
  readonly kind: 'answer' | 'filler' | 'line';
  readonly text: string;
}

/** One run of the responder for a turn. Its chunks count only while the turn lists it. */
export interface Draft {
  readonly id: string;
  readonly attempt: 1 | 2;
  /** Adopted by the turn, not started for it: when it fails without a word, both attempts are still to come. */
  readonly isSpeculative?: true;
}

/** A draft started before Retell asked. Nothing of it is said, and no tool of it run, unless an ask adopts it. */
export interface SpeculativeDraft {
  readonly id: string;
  readonly startedAt: number;
  /** What it was made from: an ask for which any of these differ does not adopt it. */
  readonly transcript: Transcript;
  readonly settledTools: readonly SettledTool[];
  readonly isProven: boolean;
  /** What it has brought so far, held back. */
  readonly chunks: readonly DraftChunk[];
}

/** The speech that is going on, in a call that speculates. It is never stored: a resumed call listens anew. */
export interface Speculation {
  /** Speculative drafts so far: numbers their ids. */
  readonly started: number;
  /** Utterances before the user's newest words. */
  readonly from: number;
  /** The user's newest words, normalised; empty when somebody else spoke last. */
  readonly words: string;
  readonly changedAt: number;
  /** How long it takes, as a rule, until these words change while the user goes on speaking. */
  readonly paceMs: number;
  /** How long after the last of them Retell asks in this call; absent until it has. */
  readonly gapMs?: number;
  /** Asked for, or drafted: the same words are not tried twice. */
  readonly isTried: boolean;
  readonly draft?: SpeculativeDraft;
}

/** One ask and our answer to it, from the ask to its closing chunk. */
export interface Turn {
  readonly responseId: number;
  readonly ask: 'response' | 'reminder';
  readonly askedAt: number;
  /** Utterances in the transcript when Retell asked. */
  readonly heardAt: number;
  readonly said: readonly Said[];
  readonly drafts: readonly Draft[];
  /** Drafts started so far in this round: two at most. */
  readonly attempts: 0 | 1 | 2;
  /** Model requests in a chain of tools; bounded. */
  readonly round: number;
  /** Drafts started in the turn, over all rounds: numbers their ids. */
  readonly started: number;
  /** How much was said when this round began: an answer counts for the round it belongs to. */
  readonly roundFrom: number;
  /** How much was said when the turn last began to wait for a draft: the clocks watch what comes after. */
  readonly waitFrom: number;
  /** Tools asked for in the turn. */
  readonly tools: number;
  /** Tool calls this turn waits for; empty while a draft runs. */
  readonly awaiting: readonly string[];
  readonly secondAfterMs: number;
  readonly action?: Action;
  readonly firstSentenceAt?: number;
  readonly answerAt?: number;
  readonly failure?: string;
}

/** A turn that is closed, as much of it as the next ask needs to judge what was heard. */
export interface ClosedTurn {
  readonly responseId: number;
  readonly heardAt: number;
  readonly said: readonly Said[];
  readonly roundFrom: number;
  readonly action?: Action;
  /** The epoch, and so the socket, in which it was closed. */
  readonly epoch: number;
}

/**
 * Where a call is. `speaking` holds the open turn, so a turn without a phase, or a phase without its turn, cannot
 * be said. An adrift call has lost its socket; the turn it was in waits to be continued.
 */
export type Phase =
  | { readonly kind: 'listening' }
  | { readonly kind: 'speaking'; readonly turn: Turn }
  | { readonly kind: 'adrift'; readonly since: number; readonly turn?: Turn }
  | { readonly kind: 'over'; readonly reason: string };

/** A call: outlives its sockets, moved only by `step`. */
export interface Call {
  readonly id: CallId;
  /** How often it was taken. Writes under an older epoch are refused. */
  readonly epoch: number;
  readonly rules: Rules;
  readonly startedAt: number;
  readonly isProven: boolean;
  /** `due`: not yet journaled. `journaled`: written down, perhaps spoken, never to be spoken again. */
  readonly greeting: 'due' | 'journaled';
  readonly phase: Phase;
  readonly transcript: Transcript;
  readonly variables: Readonly<Record<string, string>>;
  /** Counts up when an answer was heard: what a tool of `request` scope is keyed by. */
  readonly request: number;
  /** The newest response id asked on this socket, -1 before the first. */
  readonly lastAsk: number;
  readonly lastTurn?: ClosedTurn;
  readonly reminders: number;
  /** Times we spoke up unasked: numbers Retell's interrupt ids. */
  readonly interjections: number;
  /** Turns in a row that ended in the fallback. */
  readonly failures: number;
  /** Times it was handed to another process; absent: never. */
  readonly moves?: number;
  readonly running: readonly RunningTool[];
  readonly settledTools: readonly SettledTool[];
  /** Absent until something was heard in a call that speculates. */
  readonly speculation?: Speculation;
}

/** A call as it is stored between inputs: without its rules and its words, so its size does not grow with the call. */
export interface CallHead extends Omit<Call, 'id' | 'epoch' | 'rules' | 'transcript' | 'speculation'> {
  readonly schema: 1;
  readonly agent: { readonly name: string; readonly version: string };
  /** Utterances in the transcript: Retell may take some back, and the store only adds and replaces. */
  readonly heard: number;
}

/** What the store gives back of a call. */
export interface StoredCall {
  readonly head: CallHead;
  readonly utterances: readonly PlacedUtterance[];
}

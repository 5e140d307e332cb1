import type { CallId } from '../call/call.ts';
import type { Effect } from '../call/effects.ts';
import type { Transcript } from '../call/transcript.ts';

/** One socket as a session sees it: effects go out, and there are two ways to let go. The door speaks Retell's language. */
export interface Line {
  /** Sends what the effect says; a socket that is gone swallows it, since Retell will dial back. */
  carry(effect: Effect): void;
  /** From now on every update is heard as it comes; until then what was heard may come seconds late. */
  hearAtOnce(): void;
  /** Lets go without a close frame (Retell sees 1006): the call lives on. */
  terminate(): void;
  /** Close 1000: ends the call on purpose. */
  hangUp(): void;
}

/** What Retell told of the call when the socket opened. */
export interface Details {
  readonly agentId: string | undefined;
  readonly variables: Readonly<Record<string, string>>;
}

/** What the door tells the session, in the order it comes; each returns at once. */
export interface LineListener {
  onDetails(details: Details): void;
  /** `transcript` is undefined when the frame's was unreadable: the ask is answered all the same. */
  onAsk(ask: 'response' | 'reminder', responseId: number, transcript: Transcript | undefined): void;
  onHeard(transcript: Transcript): void;
  /** The socket is gone, whoever let go; nothing follows. */
  onClosed(): void;
}

/** What the door knows of the call before the first frame. */
export interface LineInfo {
  readonly callId: CallId;
  readonly isProven: boolean;
}

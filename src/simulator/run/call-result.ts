import type { LineAction } from '../line/events.ts';
import type { Breach } from '../monitor/rules.ts';
import type { TurnMeasure } from './turns.ts';

/** What became of one simulated call. */
export type CallResult = {
  readonly callId: string;
  /** Why it ended, as Retell would report it. */
  readonly reason: string;
  readonly turns: readonly TurnMeasure[];
  readonly breaches: readonly Breach[];
  readonly sockets: number;
  readonly slowestPongMs: number;
  readonly toolCalls: number;
  readonly webhooks: readonly WebhookResult[];
  /** When its first socket was open, and when it was over: Clock.now() of the simulator. */
  readonly openedAt?: number;
  readonly overAt?: number;
} & (
  | {
      readonly kind: 'admitted';
      /** From the open socket to the end of the greeting's first sentence. */
      readonly greetingMs?: number;
    }
  /** The begin message carried an action that ends the call: a busy line. */
  | {
      readonly kind: 'refused';
      /** From the open socket to the end of the busy line's first sentence; absent when it had no words. */
      readonly busyLineMs?: number;
      readonly action: LineAction['kind'];
      /** Did the action run, once the line was spoken? */
      readonly hasActed: boolean;
    }
  /** No socket was ever opened. */
  | { readonly kind: 'unreached' }
);

/** What became of one webhook of a call. */
export interface WebhookResult {
  readonly event: string;
  readonly isAccepted: boolean;
  readonly attempts: number;
  readonly tookMs: number;
}

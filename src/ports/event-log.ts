import type { CallEvent } from '../call/events.ts';
import type { Fault } from '../std/fault.ts';

export interface Delivery {
  readonly id: string;
  readonly event: CallEvent;
  /** 1 on the first delivery. */
  readonly attempt: number;
}

/** Readers who share the deliveries between them. */
export interface ConsumerGroup {
  readonly name: string;
  /** Events of other types pass the group by. Default: all. */
  readonly types?: readonly CallEvent['type'][];
}

/** The ordered store of facts. Order holds within a call, and only there. */
export interface EventLog {
  /** The relay's only. Publishing a fact (call, epoch, seq) twice stores it once. */
  publish(events: readonly CallEvent[], signal: AbortSignal): Promise<void>;
  /**
   * Up to `limit` deliveries for a consumer group. A delivery neither acked, retried nor buried within
   * `leaseMs` is delivered again. While a call's delivery is out or waiting, later ones of that call wait behind it.
   */
  read(group: ConsumerGroup, limit: number, leaseMs: number, signal: AbortSignal): Promise<readonly Delivery[]>;
  ack(group: string, id: string, signal: AbortSignal): Promise<void>;
  /** Delivers it again, not before `delayMs` from now. */
  retry(group: string, id: string, delayMs: number, signal: AbortSignal): Promise<void>;
  /** Sets it aside as a dead letter, with its Fault; the call's later events may flow. */
  bury(group: string, id: string, fault: Fault, signal: AbortSignal): Promise<void>;
}

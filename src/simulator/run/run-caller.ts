import type { Clock } from '../../std/clock.ts';
import type { LineAction, LineEvent } from '../line/events.ts';
import { Line } from '../line/line.ts';
import { completeSentences } from '../line/sentences.ts';
import type { RetellTimings } from '../line/timings.ts';
import type { Hearing } from '../line/user-speech.ts';
import type { Breach } from '../monitor/rules.ts';
import type { Switches } from '../switches.ts';
import { socketUrl, type Target } from '../urls.ts';
import type { CallAccount, LifecycleEvent, WebhookSender } from '../webhooks.ts';
import type { CallResult, WebhookResult } from './call-result.ts';
import { type CallerOptions, type CallerStep, playScript } from './caller.ts';
import { type TurnMeasure, TurnMeter } from './turns.ts';

/** All that makes one simulated call. */
export interface CallerRunOptions {
  readonly target: Target;
  readonly callId: string;
  readonly agentId: string;
  readonly script: readonly CallerStep[];
  readonly caller: CallerOptions;
  readonly clock: Clock;
  readonly timings: RetellTimings;
  readonly switches: Switches;
  readonly hearing: Hearing;
  readonly random: () => number;
  readonly isFiller: (sentence: string) => boolean;
  readonly isApology: (text: string) => boolean;
  readonly staleGraceMs?: number;
  readonly lagSinceMs: (atMs: number) => number;
  /** Sends this call's webhooks when given. */
  readonly sender: WebhookSender | undefined;
  /** The webhooks after the call, in the order they leave; duplicates stand twice. */
  readonly closingWebhooks: readonly LifecycleEvent[];
  readonly onTurn: (turn: TurnMeasure) => void;
  readonly onOpen: () => void;
}

/**
 * Plays one whole call: its webhooks, its sockets, its caller. When the signal aborts the caller hangs up, and what
 * was measured until then is the result.
 */
export async function runCaller(options: CallerRunOptions, signal: AbortSignal): Promise<CallResult> {
  const { callId, clock, sender, caller } = options;
  const startedAt = clock.wall();
  const line = new Line({
    ...options,
    url: socketUrl(options.target, callId, options.switches),
    speechRate: caller.speechRate,
    reminders: 'automatic',
    closeWithinMs: caller.lostAfterMs,
    details: { call_id: callId, agent_id: options.agentId, call_type: 'phone_call', direction: 'inbound' },
  });
  const meter = new TurnMeter({ ...options, lostAfterMs: caller.lostAfterMs });
  const notes = takeNotes(line, meter, options.onOpen);
  const account = (): CallAccount => ({
    callId,
    agentId: options.agentId,
    startedAt,
    transcript: line.transcript(),
    ...(line.overReason !== undefined && { endedAt: clock.wall(), disconnectionReason: line.overReason }),
  });
  const send = (event: LifecycleEvent) => (sender ? deliver(sender, event, account(), signal) : undefined);
  const started = send('call_started');
  line.open();
  try {
    await playScript(line, options.script, caller, signal);
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
  const closing = signal.aborted ? [] : options.closingWebhooks.map(send);
  const webhooks = (await Promise.all([started, ...closing])).filter((result) => result !== undefined);
  return { ...notes.result(), webhooks, slowestPongMs: line.slowestPongMs, turns: meter.turns };
}

async function deliver(
  sender: WebhookSender,
  event: LifecycleEvent,
  account: CallAccount,
  signal: AbortSignal,
): Promise<WebhookResult | undefined> {
  try {
    const { isAccepted, attempts, tookMs } = await sender.lifecycle(event, account, signal);
    return { event, isAccepted, attempts, tookMs };
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    return undefined; // cut short by the end of the run: neither accepted nor failed
  }
}

type Noted = 'callId' | 'reason' | 'breaches' | 'sockets' | 'toolCalls' | 'openedAt' | 'overAt';

interface Notes {
  result(): Pick<CallResult, Noted> & Outcome;
}

type Outcome = CallResult extends infer R
  ? R extends CallResult
    ? Omit<R, Noted | 'turns' | 'slowestPongMs' | 'webhooks'>
    : never
  : never;

/** Writes down what the report needs of a line's events. */
function takeNotes(line: Line, meter: TurnMeter, onOpen: () => void): Notes {
  const breaches: Breach[] = [];
  let sockets = 0;
  let toolCalls = 0;
  let openedAt: number | undefined;
  let overAt: number | undefined;
  let begin = '';
  let beginMs: number | undefined;
  let ending: LineAction | undefined;
  let hasActed = false;
  const readBegin = (chunk: Extract<LineEvent, { kind: 'chunk' }>) => {
    begin += chunk.content;
    if (completeSentences(begin, chunk.isComplete).length > 0) beginMs ??= chunk.atMs - (openedAt ?? chunk.atMs);
    if (chunk.action && chunk.action.kind !== 'digits') ending ??= chunk.action;
  };
  line.listen((event) => {
    meter.observe(event);
    if (event.kind === 'breach') breaches.push(event.breach);
    if (event.kind === 'toolCall') toolCalls += 1;
    if (event.kind === 'over') overAt = event.atMs;
    if (event.kind === 'acted' && event.responseId === 0) hasActed = true;
    // The server may hang up itself before Retell would have.
    if (event.kind === 'over' && event.reason === 'agent_hangup' && ending?.kind === 'end') hasActed = true;
    if (event.kind === 'chunk' && event.responseId === 0 && sockets === 1) readBegin(event);
    if (event.kind !== 'opened') return;
    sockets += 1;
    if (sockets > 1) return;
    openedAt = event.atMs;
    onOpen();
  });
  const outcome = (): Outcome => {
    if (sockets === 0) return { kind: 'unreached' };
    if (ending) {
      return { kind: 'refused', action: ending.kind, hasActed, ...(beginMs !== undefined && { busyLineMs: beginMs }) };
    }
    return { kind: 'admitted', ...(beginMs !== undefined && { greetingMs: beginMs }) };
  };
  return {
    result: () => ({
      callId: line.callId,
      reason: line.overReason ?? '',
      breaches,
      sockets,
      toolCalls,
      ...(openedAt !== undefined && { openedAt }),
      ...(overAt !== undefined && { overAt }),
      ...outcome(),
    }),
  };
}

import type { CallDetails } from '../retell/frames.ts';
import { type Clock, systemClock } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import { randomHex, seededRandom } from '../std/random.ts';
import { withDeadline } from '../std/signals.ts';
import type { LineAction, LineEvent } from './line/events.ts';
import { Line } from './line/line.ts';
import { fillerTest } from './line/sentences.ts';
import { DEFAULT_TIMINGS, type RetellTimings } from './line/timings.ts';
import type { Breach } from './monitor/rules.ts';
import { keepProcess } from './run/keep-process.ts';
import { reach } from './run/reach.ts';
import { TurnMeter } from './run/turns.ts';
import { DEFAULT_SWITCHES, type Switches } from './switches.ts';
import { socketUrl, type Target } from './urls.ts';
import { type Delivery, type LifecycleEvent, openSender } from './webhooks.ts';

/** Whom to call, and as whom. */
export interface ConversationOptions extends Target {
  /** Signs and sends call_started, and call_ended at the end. */
  readonly webhookKey?: string;
  readonly callId?: string;
  readonly agentId?: string;
  /** More of the call object the agent is given: numbers, metadata, dynamic variables. */
  readonly details?: CallDetails;
  readonly fillers?: readonly string[];
  /** How many times faster than a human both sides speak; default 1,000, at which reading sets the pace. */
  readonly speechRate?: number;
  /** Told every piece of the agent's words as it arrives. */
  readonly onWords?: (content: string) => void;
  readonly switches?: Switches;
  readonly timings?: RetellTimings;
  readonly clock?: Clock;
}

/** What the agent did in one turn. */
export interface Reply {
  /** The words as they were spoken. */
  readonly answer: string;
  readonly actions: readonly LineAction[];
  readonly toolCalls: readonly string[];
  /** From the ask; absent for the greeting, and when nothing was said. */
  readonly firstSentenceMs?: number;
  readonly answerMs?: number;
  /** The call ended with this turn. */
  readonly isOver: boolean;
}

/** One caller who types. Methods are called one after another. */
export interface Conversation {
  readonly callId: string;
  readonly greeting: Reply;
  /** How the server took call_started; undefined when no webhooks are sent. */
  readonly started: Delivery | undefined;
  say(text: string, signal: AbortSignal): Promise<Reply>;
  /** Says nothing until the agent asks whether anybody is there. */
  silence(signal: AbortSignal): Promise<Reply>;
  pressDigit(digit: string, signal: AbortSignal): Promise<Reply>;
  /** Breaks the connection; resolves once Retell's redial has got through, with the time it took. */
  dropSocket(signal: AbortSignal): Promise<{ readonly afterMs: number }>;
  /** Hangs up where the call still lives, and reports its end; once, however often it is called. */
  hangUp(signal: AbortSignal): Promise<void>;
  readonly overReason: () => string | undefined;
  readonly breaches: () => readonly Breach[];
}

/** An answer that takes longer than this has been lost. */
const ANSWER_WITHIN_MS = 30_000;
const TEXT_SPEECH_RATE = 1_000;

/**
 * Calls a server and holds a conversation in text over its real wire; resolves once it has greeted.
 *
 * @throws Fault `simulator.server_unreachable`, `simulator.bad_url`, `simulator.no_answer`, `simulator.call_over`
 */
export async function converse(options: ConversationOptions, signal: AbortSignal): Promise<Conversation> {
  await reach(options, signal);
  const { clock = systemClock, switches = DEFAULT_SWITCHES, webhookKey } = options;
  const callId = options.callId ?? `talk_${randomHex(8)}`;
  const agentId = options.agentId ?? 'agent_simulated';
  const letGo = keepProcess();
  const sender =
    webhookKey === undefined ? undefined : openSender({ target: options, key: webhookKey, clock, switches });
  const startedAt = clock.wall();
  const line = new Line({
    url: socketUrl(options, callId, switches),
    callId,
    clock,
    switches,
    timings: options.timings ?? DEFAULT_TIMINGS,
    random: seededRandom(1),
    speechRate: options.speechRate ?? TEXT_SPEECH_RATE,
    details: { call_type: 'phone_call', direction: 'inbound', ...options.details, call_id: callId, agent_id: agentId },
    reminders: 'off',
  });
  const send = (event: LifecycleEvent, inner: AbortSignal) =>
    sender?.lifecycle(
      event,
      {
        callId,
        agentId,
        startedAt,
        transcript: line.transcript(),
        ...(line.overReason !== undefined && { endedAt: clock.wall(), disconnectionReason: line.overReason }),
      },
      inner,
    );
  const breaches: Breach[] = [];
  line.listen((event) => {
    if (event.kind === 'breach') breaches.push(event.breach);
    if (event.kind === 'chunk' && event.content !== '') options.onWords?.(event.content);
  });
  let hasHungUp = false;
  const hangUp = async (inner: AbortSignal) => {
    if (hasHungUp) return;
    hasHungUp = true;
    line.hangUp();
    try {
      await send('call_ended', inner);
      await send('call_analyzed', inner);
    } finally {
      await sender?.close();
      letGo();
    }
  };
  const isFiller = fillerTest(options.fillers ?? []);
  const turn = (begin: () => unknown, inner: AbortSignal) =>
    replyTo(line, clock, new TurnMeter({ isFiller, lostAfterMs: ANSWER_WITHIN_MS }), begin, inner);
  try {
    // Before the socket: a server that proves calls by their webhooks should know this one when it is asked.
    const started = await send('call_started', signal);
    const greeting = await turn(() => line.open(), signal);
    return {
      callId,
      greeting,
      started,
      say: (text, inner) => turn(() => line.say(text, inner), inner),
      silence: (inner) => turn(() => line.remind(), inner),
      pressDigit: (digit, inner) => turn(() => line.pressDigit(digit, inner), inner),
      dropSocket: (inner) => dropAndReturn(line, clock, inner),
      hangUp,
      overReason: () => line.overReason,
      breaches: () => breaches,
    };
  } catch (thrown) {
    await hangUp(signal).catch(() => {}); // the first failure is the one to tell
    throw thrown;
  }
}

/** Begins a turn and waits until the agent has spoken all of it, or ended the call. */
async function replyTo(
  line: Line,
  clock: Clock,
  meter: TurnMeter,
  begin: () => unknown,
  signal: AbortSignal,
): Promise<Reply> {
  refuseOver(line.overReason);
  const spoken: string[] = [];
  const actions: LineAction[] = [];
  const toolCalls: string[] = [];
  const stop = line.listen((event) => {
    meter.observe(event);
    if (event.kind === 'spoken' && event.text !== '') spoken.push(event.text);
    if (event.kind === 'acted') actions.push(event.action);
    if (event.kind === 'toolCall') toolCalls.push(event.name);
  });
  try {
    const heard = withDeadline(clock, ANSWER_WITHIN_MS, 'simulator.no_answer', signal, (inner) =>
      line.next((event) => event.kind === 'spoken', inner),
    );
    await Promise.all([heard, begin()]);
  } finally {
    stop();
  }
  const { overReason } = line;
  if (overReason?.startsWith('error_')) refuseOver(overReason);
  const [measured] = meter.turns;
  return {
    answer: spoken.join(' '),
    actions,
    toolCalls,
    ...(measured?.firstSentenceMs !== undefined && { firstSentenceMs: measured.firstSentenceMs }),
    ...(measured?.answerMs !== undefined && { answerMs: measured.answerMs }),
    isOver: overReason !== undefined,
  };
}

async function dropAndReturn(line: Line, clock: Clock, signal: AbortSignal): Promise<{ readonly afterMs: number }> {
  const droppedAt = clock.now();
  const back = line.next((event: LineEvent) => event.kind === 'opened', signal);
  line.drop();
  await back;
  refuseOver(line.overReason);
  return { afterMs: clock.now() - droppedAt };
}

function refuseOver(reason: string | undefined): void {
  if (reason === undefined) return;
  throw new Fault('unavailable', 'simulator.call_over', `expected a call in progress, it ended: ${reason}`, {
    detail: { reason },
  });
}

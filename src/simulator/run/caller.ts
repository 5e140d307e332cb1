import type { Clock } from '../../std/clock.ts';
import { sleep } from '../../std/clock.ts';
import { Fault } from '../../std/fault.ts';
import { withDeadline } from '../../std/signals.ts';
import type { LineEvent } from '../line/events.ts';
import type { Line } from '../line/line.ts';

/** What a person on the line does next. Unless it says otherwise, a step begins when the agent has finished. */
export type CallerStep =
  | { readonly kind: 'say'; readonly text: string }
  /** Talks over the answer when this share of its words has been spoken. */
  | { readonly kind: 'bargeIn'; readonly atRatio: number; readonly text: string }
  /** Speaks, and goes on `afterMs` (of audio) later, likely before the answer: the ask in between is superseded. */
  | { readonly kind: 'reask'; readonly text: string; readonly afterMs: number; readonly more: string }
  /** Says nothing until the agent has asked whether anybody is there. */
  | { readonly kind: 'silence' }
  | { readonly kind: 'pressDigit'; readonly digit: string }
  /** The network breaks while nobody speaks, `afterMs` (real) after the last ask, or during the answer. */
  | { readonly kind: 'drop'; readonly while: 'listening' | 'thinking' | 'speaking'; readonly afterMs: number }
  /** Hangs up `afterMs` (real) after the last ask, without waiting for its answer. */
  | { readonly kind: 'hangUp'; readonly afterMs: number };

/** A person's pace and patience; milliseconds are real unless they say audio. */
export interface CallerOptions {
  readonly clock: Clock;
  readonly speechRate: number;
  /** How long a person takes to begin to speak, in milliseconds of audio. */
  readonly pauseMs: () => number;
  /** Without a sign of life for this long the caller stops waiting for an answer. */
  readonly lostAfterMs: number;
  /** The same after the socket was lost: the answer may have been lost with it, so a person asks again. */
  readonly patienceMs: number;
}

/** A reminder comes after 10 s of silence; a caller who waits for one gives up a little later. */
const SILENCE_MS = 15_000;
const ARE_YOU_THERE = 'Hello, are you still there?';

/** Plays a script over an opened line until it ends, the call ends, or the signal aborts; then hangs up. */
export async function playScript(
  line: Line,
  script: readonly CallerStep[],
  options: CallerOptions,
  signal: AbortSignal,
): Promise<void> {
  let wasDropped = false;
  const stopListening = line.listen((event) => {
    if (event.kind === 'lost') wasDropped = true;
    if (event.kind === 'spoken') wasDropped = false;
  });
  const silenceMs = () => (wasDropped ? options.patienceMs : options.lostAfterMs);
  const rest = async () => {
    const isHeard = await untilQuiet(line, options.clock, silenceMs, signal);
    if (!isHeard && wasDropped && line.overReason === undefined) {
      await line.say(ARE_YOU_THERE, signal);
      await untilQuiet(line, options.clock, () => options.lostAfterMs, signal);
    }
  };
  try {
    for (const step of script) {
      if (line.overReason !== undefined) return;
      if (waitsForAgent(step)) {
        await rest();
        await sleep(options.clock, options.pauseMs() / options.speechRate, signal);
      }
      await take(line, step, options, signal);
    }
    await rest();
  } finally {
    stopListening();
    line.hangUp();
  }
}

/** Waits until the agent owes nothing and has spoken everything; false when there was no sign of life for too long. */
async function untilQuiet(line: Line, clock: Clock, silenceMs: () => number, signal: AbortSignal): Promise<boolean> {
  while (line.overReason === undefined && line.isAgentBusy) {
    const event = await nextWithin(line, clock, silenceMs(), () => true, signal);
    if (!event) return false;
  }
  return true;
}

function waitsForAgent(step: CallerStep): boolean {
  if (step.kind === 'bargeIn' || step.kind === 'hangUp') return false;
  return step.kind !== 'drop' || step.while === 'listening';
}

async function take(line: Line, step: CallerStep, options: CallerOptions, signal: AbortSignal): Promise<void> {
  switch (step.kind) {
    case 'say':
      await line.say(step.text, signal);
      return;
    case 'bargeIn':
      await untilSpoken(line, step.atRatio, options, signal);
      await line.say(step.text, signal);
      return;
    case 'reask':
      await line.say(step.text, signal);
      await sleep(options.clock, step.afterMs / options.speechRate, signal);
      await line.say(step.more, signal);
      return;
    case 'silence':
      await nextWithin(line, options.clock, SILENCE_MS / options.speechRate, isReminder, signal);
      return;
    case 'pressDigit':
      await line.pressDigit(step.digit, signal);
      return;
    case 'drop':
      if (step.while === 'speaking') await untilSpoken(line, 0, options, signal);
      if (step.while === 'thinking') await sleep(options.clock, step.afterMs, signal);
      line.drop();
      return;
    case 'hangUp':
      await sleep(options.clock, step.afterMs, signal);
      line.hangUp();
      return;
    default:
      step satisfies never;
  }
}

/** Until this share of the answer has been spoken, or all of it, or nothing comes. */
async function untilSpoken(line: Line, ratio: number, options: CallerOptions, signal: AbortSignal): Promise<void> {
  while (line.overReason === undefined && line.isAgentBusy) {
    const event = await nextWithin(line, options.clock, options.lostAfterMs, () => true, signal);
    if (!event) return;
    if (event.kind === 'progress' && (event.isComplete || ratio === 0)) {
      if (event.spokenWords >= ratio * event.knownWords) return;
    }
  }
}

function isReminder(event: LineEvent): boolean {
  return event.kind === 'asked' && event.ask === 'reminder';
}

/** The next matching event, or undefined when none came within the time. */
async function nextWithin(
  line: Line,
  clock: Clock,
  timeoutMs: number,
  match: (event: LineEvent) => boolean,
  signal: AbortSignal,
): Promise<LineEvent | undefined> {
  const reason = 'simulator.no_event';
  try {
    return await withDeadline(clock, timeoutMs, reason, signal, (inner) => line.next(match, inner));
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.reason === reason) return undefined;
    throw thrown;
  }
}

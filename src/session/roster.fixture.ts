import { memoryCallStore } from '../adapters/memory/call-store.ts';
import { memoryLeases } from '../adapters/memory/leases.ts';
import { type Agent, type AgentDefinition, defineAgent } from '../agent/agent.ts';
import type { Responder } from '../agent/responder.ts';
import type { ToolDesk } from '../agent/tool-desk.ts';
import type { DraftChunk } from '../call/call.ts';
import { type CallId, parseCallId, type ToolOutcome } from '../call/call.ts';
import type { DraftOrder, Effect } from '../call/effects.ts';
import type { CallEvent } from '../call/events.ts';
import type { Transcript } from '../call/transcript.ts';
import type { Log } from '../std/log.ts';
import { ManualClock, settle } from '../std/manual-clock.ts';
import type { Details, Line, LineListener } from './line.ts';
import { createRoster, type Roster } from './roster.ts';
import type { SeatServices } from './seat.ts';

export function callIdOf(number: number): CallId {
  const callId = parseCallId(`call_${String(number).padStart(8, '0')}`);
  if (!callId) throw new Error('a test needs a well-formed call id');
  return callId;
}

/** An agent with recognisable lines. */
export function agentOf(definition: Partial<AgentDefinition> = {}): Agent {
  return defineAgent({
    name: 'front-desk',
    greeting: 'Hello, front desk.',
    instructions: 'Be kind.',
    lines: { fillers: ['One moment.'] },
    fallback: { line: 'Say that again?' },
    overflow: { line: 'All lines are busy.', action: { kind: 'transfer', number: '+15550100' } },
    ...definition,
  });
}

/** A line that keeps what it carried. Letting go of it is heard as `onClosed`, as from a door. */
export class RecordedLine implements Line {
  readonly carried: Effect[] = [];
  hearsAtOnce = false;
  letGoBy: 'terminate' | 'hangUp' | undefined;
  listener: LineListener | undefined;
  /** Set to make carrying fail. */
  carry = (effect: Effect): void => void this.carried.push(effect);

  hearAtOnce(): void {
    this.hearsAtOnce = true;
  }

  terminate(): void {
    this.#letGo('terminate');
  }

  hangUp(): void {
    this.#letGo('hangUp');
  }

  /** Retell's side goes without a word. */
  drop(): void {
    this.listener?.onClosed();
  }

  ask(responseId: number, ...words: readonly string[]): Promise<void> {
    this.listener?.onAsk('response', responseId, heard(...words));
    return settle();
  }

  /** What was said under an id, closing chunks as `∎` with their action. */
  sent(responseId: number): readonly string[] {
    return this.carried.flatMap((effect) => {
      if (effect.kind !== 'say' || effect.responseId !== responseId) return [];
      const words = effect.text.trim() === '' ? [] : [effect.text.trim()];
      return effect.isComplete ? [...words, `∎${effect.action ? ` ${effect.action.kind}` : ''}`] : words;
    });
  }

  #letGo(by: 'terminate' | 'hangUp'): void {
    if (this.letGoBy) return;
    this.letGoBy = by;
    queueMicrotask(() => this.listener?.onClosed());
  }
}

/** A transcript in which the user said these things, one after another, each answered. */
export function heard(...words: readonly string[]): Transcript {
  return words.flatMap((content, index) => [
    { role: 'agent', content: index === 0 ? 'Hello, front desk.' : `Answer ${index}.` },
    { role: 'user', content },
  ]);
}

/** A log that keeps its messages. */
export function recordedLog(): Log & { readonly messages: readonly string[] } {
  const messages: string[] = [];
  const write = (fields: object, message: string) => {
    messages.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log = { debug: write, info: write, warn: write, error: write, child: () => log, messages };
  return log;
}

/** Drafts by hand: `chunks` says what a draft brings, after `until` where there is one. */
export function responderOf(
  draft: (order: DraftOrder, signal: AbortSignal) => AsyncIterable<DraftChunk> = echo,
): Responder {
  return {
    draft: (order, _agent, signal) => draft(order, signal),
    settle: () => {},
    secondAfterMs: () => 2_000,
    models: () => [],
  };
}

async function* echo(order: DraftOrder): AsyncGenerator<DraftChunk, void, void> {
  yield { kind: 'sentence', text: `You said ${order.transcript.at(-1)?.content}.` };
  yield { kind: 'end' };
}

/** A draft that says nothing until it is aborted. */
export async function* silence(_order: DraftOrder, signal: AbortSignal): AsyncGenerator<DraftChunk, void, void> {
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

export function deskOf(
  run: ToolDesk['run'] = async (): Promise<ToolOutcome> => ({ kind: 'done', content: 'ok' }),
): ToolDesk {
  return { run, close() {} };
}

export interface DialOptions {
  /** Default true. */
  readonly isProven?: boolean;
  /** What Retell tells at once, or `none` when it does not. */
  readonly details?: Partial<Details> | 'none';
}

export interface TestRoster extends Roster {
  readonly services: SeatServices;
  readonly clock: ManualClock;
  readonly facts: readonly CallEvent[];
  readonly messages: readonly string[];
  /** A socket for a call; settles when all that needs no time is done. */
  dial(call: number, options?: DialOptions): Promise<RecordedLine>;
  activeSlots(): Promise<number>;
}

/** A roster over memory adapters and a clock that stands still. */
export function openRoster(options: Partial<SeatServices> = {}, clock = new ManualClock()): TestRoster {
  const log = recordedLog();
  const facts: CallEvent[] = [];
  const agent = options.agents?.[0] ?? agentOf();
  const services: SeatServices = {
    agents: [agent],
    defaultAgent: agent,
    isStrict: false,
    maxCalls: 10,
    adriftMs: 30_000,
    callStore: memoryCallStore(clock),
    leases: memoryLeases(clock),
    responder: responderOf(),
    toolDesk: deskOf(),
    clock,
    log,
    observe: (event) => facts.push(event),
    ...options,
  };
  const roster = createRoster(services);
  return {
    ...roster,
    services,
    clock,
    facts,
    messages: log.messages,
    async dial(call, { isProven = true, details = {} } = {}) {
      const line = new RecordedLine();
      const listener = roster.accept(line, { callId: callIdOf(call), isProven });
      line.listener = listener;
      if (details !== 'none') listener.onDetails({ agentId: undefined, variables: {}, ...details });
      await settle();
      return line;
    },
    activeSlots: () => services.leases.count(new AbortController().signal),
  };
}

/** A roster whose answers wait until `go`. */
export function inMidTurn() {
  const go = Promise.withResolvers<void>();
  const responder = responderOf(async function* () {
    await go.promise;
    yield { kind: 'sentence', text: 'Here you are.' };
    yield { kind: 'end' };
  });
  return { roster: openRoster({ responder }), go: () => go.resolve() };
}

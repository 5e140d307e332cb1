/** Door 2: what an agent's author needs to test it. Nothing here listens, dials or waits: calls are played in memory. */

import { memoryCallStore } from './adapters/memory/call-store.ts';
import { memoryLeases } from './adapters/memory/leases.ts';
import { memoryReplyCache } from './adapters/memory/reply-cache.ts';
import { memoryToolLedger } from './adapters/memory/tool-ledger.ts';
import type { Agent } from './agent/agent.ts';
import { createResponder } from './agent/responder.ts';
import { sentenceCutter } from './agent/sentences.ts';
import { createToolDesk } from './agent/tool-desk.ts';
import { type Action, type CallId, parseCallId } from './call/call.ts';
import type { Effect } from './call/effects.ts';
import type { CallEvent } from './call/events.ts';
import type { Transcript } from './call/transcript.ts';
import type { LanguageModel } from './ports/language-model.ts';
import type { LineListener } from './session/line.ts';
import { createRoster, type Roster } from './session/roster.ts';
import { type Clock, sleep, systemClock } from './std/clock.ts';
import { Fault } from './std/fault.ts';
import { type Log, silentLog } from './std/log.ts';
import { ManualClock } from './std/manual-clock.ts';

export { ManualClock } from './std/manual-clock.ts';

export interface PlayOptions {
  /** Default: the agent's scripted model, else its own. */
  readonly model?: LanguageModel;
  /** Dynamic variables that the call brings. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Default `call_played`. */
  readonly callId?: string;
  /** Default true. An unproven call is talked to, but no `once` tool runs in it. */
  readonly isProven?: boolean;
  /** Set it for a model or tools that wait for a network or a disk; by default time stands still while they work. */
  readonly isRealTime?: boolean;
  /** Hears what the session has to say of itself; silent by default. */
  readonly log?: Log;
}

/** A call with one caller, whose every word the test says. What the agent says is heard in full unless interrupted. */
export interface PlayedCall extends AsyncDisposable {
  /** The agent's sentences that the caller heard, in order, the greeting first. */
  readonly heard: readonly string[];
  /** Names of the tools that were asked for, in order. */
  readonly tools: readonly string[];
  /** What the agent asked Retell to do with the call, in order: end, transfer, digits. */
  readonly actions: readonly Action[];
  /** What metrics and archive read of the call. */
  readonly facts: readonly CallEvent[];
  /** The caller speaks; answers with the sentences said to it. */
  says(words: string): Promise<readonly string[]>;
  /** The caller speaks over the agent's last answer, of which they heard `afterSentence` sentences; default none. */
  interrupt(words: string, options?: { readonly afterSentence?: number }): Promise<readonly string[]>;
  /** The caller says nothing for so long that Retell reminds the agent. */
  silence(): Promise<readonly string[]>;
  /** Time passes. */
  wait(ms: number): Promise<void>;
  /** The socket is lost; the call is adrift until `redial`. */
  dropSocket(): Promise<void>;
  /** Retell dials back; answers with what the agent says to go on. */
  redial(): Promise<readonly string[]>;
  /** The call is over. Idempotent. */
  end(reason?: string): Promise<void>;
}

/** Longer than any turn may stay open. */
const TURN_WITHIN_MS = 35_000;
const STEP_MS = 50;

/**
 * Plays a whole call against an agent: a real session, memory for stores, and no sockets. Answers once the agent has
 * greeted, or has chosen to wait for the caller.
 *
 * @example
 * await using call = await playCall(frontDesk);
 * expect(await call.says('a table for two at eight')).toContain('Your reference is 4711.');
 * expect(call.tools).toEqual(['check_table', 'book_table']);
 *
 * @throws Fault `testing.no_model`, `testing.bad_call_id`; from the call `testing.no_socket`, `testing.turn_open`
 */
export async function playCall(agent: Agent, options: PlayOptions = {}): Promise<PlayedCall> {
  const model = options.model ?? agent.scriptedModel ?? agent.model;
  if (!model) {
    throw new Fault('invalid', 'testing.no_model', `expected a model to play agent ${agent.name} with, it has none`, {
      fixes: ['give the agent a scriptedModel', 'playCall(agent, { model })'],
    });
  }
  const manual = new ManualClock();
  const clock: Clock = options.isRealTime ? systemClock : manual;
  const { signal } = new AbortController();
  const facts: CallEvent[] = [];
  // One model for both tries: a test has no second provider.
  const played: Agent = { ...agent, model, secondModel: undefined };
  const log = options.log ?? silentLog;
  const toolDesk = createToolDesk(memoryToolLedger(), clock, log);
  const roster = createRoster({
    agents: [played],
    defaultAgent: played,
    isStrict: false,
    maxCalls: 1,
    adriftMs: 30_000,
    callStore: memoryCallStore(clock),
    leases: memoryLeases(clock),
    responder: createResponder({ clock, cache: memoryReplyCache(clock), defaultModel: undefined, slots: 2 }),
    toolDesk,
    clock,
    log,
    observe: (event) => facts.push(event),
  });
  const caller = new Caller(roster, options, (ms) =>
    options.isRealTime ? sleep(clock, ms, signal) : manual.advance(ms),
  );
  await caller.dial();
  let ended: Promise<void> | undefined;
  const end = (reason = 'user_hangup') => {
    ended ??= roster
      .end(caller.callId, reason)
      .then(() => roster.drain(0))
      .then(() => toolDesk.close());
    return ended;
  };
  return {
    get heard() {
      return caller.heard();
    },
    tools: caller.tools,
    actions: caller.actions,
    facts,
    says: (words) => caller.say(words),
    interrupt(words, { afterSentence = 0 } = {}) {
      caller.cut(afterSentence);
      return caller.say(words);
    },
    silence: () => caller.ask('reminder'),
    wait: (ms) => caller.wait(ms),
    dropSocket: () => caller.drop(),
    redial: () => caller.dial(),
    end,
    [Symbol.asyncDispose]: () => end(),
  };
}

/** Retell and the person on the line: asks, hears, and keeps the transcript of what was spoken. */
class Caller {
  readonly callId: CallId;
  readonly tools: string[] = [];
  readonly actions: Action[] = [];
  readonly wait: (ms: number) => Promise<void>;
  readonly #roster: Roster;
  readonly #options: PlayOptions;
  /** Who said what; the agent's side sentence by sentence. */
  readonly #spoken: { readonly role: 'agent' | 'user'; readonly sentences: string[] }[] = [];
  readonly #closed = new Set<number>();
  readonly #toolCalls = new Set<string>();
  #listener: LineListener | undefined;
  #asked = 0;

  constructor(roster: Roster, options: PlayOptions, wait: (ms: number) => Promise<void>) {
    const callId = parseCallId(options.callId ?? 'call_played');
    if (!callId) {
      throw new Fault('invalid', 'testing.bad_call_id', 'expected a call id of 8 to 64 letters, digits, - and _');
    }
    this.callId = callId;
    this.wait = wait;
    this.#roster = roster;
    this.#options = options;
  }

  /** A socket for the call, and what is said on it without being asked. */
  async dial(): Promise<readonly string[]> {
    const from = this.heard().length;
    let listener: LineListener | undefined;
    const letGo = () => {
      if (this.#listener === listener) this.#listener = undefined;
      queueMicrotask(() => listener?.onClosed());
    };
    const line = {
      carry: (effect: Effect) => this.#hear(effect),
      hearAtOnce: () => {},
      terminate: letGo,
      hangUp: letGo,
    };
    const { variables = {}, isProven = true } = this.#options;
    listener = this.#roster.accept(line, { callId: this.callId, isProven });
    this.#listener = listener;
    this.#closed.delete(0);
    listener.onDetails({ agentId: undefined, variables });
    await this.#until(() => (this.#closed.has(0) && this.#closed.has(this.#asked)) || !this.#listener);
    return this.heard().slice(from);
  }

  async drop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.onClosed();
    await this.wait(0);
  }

  say(words: string): Promise<readonly string[]> {
    this.#spoken.push({ role: 'user', sentences: [words] });
    return this.ask('response');
  }

  async ask(kind: 'response' | 'reminder'): Promise<readonly string[]> {
    if (!this.#listener) {
      throw new Fault('invalid', 'testing.no_socket', 'expected a call with a socket, it was dropped or let go of', {
        fixes: ['await call.redial() first'],
      });
    }
    const from = this.heard().length;
    this.#asked += 1;
    const id = this.#asked;
    this.#listener.onAsk(kind, id, this.#transcript());
    await this.#until(() => this.#closed.has(id) || this.#asked > id || !this.#listener);
    return this.heard().slice(from);
  }

  /** Takes back what the agent said last, but for its first sentences: the caller spoke over the rest. */
  cut(sentences: number): void {
    const last = this.#spoken.at(-1);
    if (last?.role === 'agent') last.sentences.splice(sentences);
  }

  heard(): readonly string[] {
    return this.#spoken.flatMap(({ role, sentences }) => (role === 'agent' ? sentences : []));
  }

  #hear(effect: Effect): void {
    switch (effect.kind) {
      case 'say':
        if (effect.responseId !== 0 && effect.responseId !== this.#asked) return;
        if (effect.isComplete) this.#closed.add(effect.responseId);
        this.#speak(effect.text, effect.action);
        break;
      case 'interject':
        this.#closed.add(this.#asked);
        this.#speak(effect.text, effect.action);
        break;
      case 'noteUse':
        // A redialled call asks after its tools again, under the ids they have.
        if (!this.#toolCalls.has(effect.use.toolCallId)) this.tools.push(effect.use.name);
        this.#toolCalls.add(effect.use.toolCallId);
        break;
      default:
        break; // the rest concerns the session or a web page
    }
  }

  #speak(text: string, action: Action | undefined): void {
    const cutter = sentenceCutter();
    const sentences = [...cutter.push(text), ...cutter.flush()];
    const last = this.#spoken.at(-1);
    if (last?.role === 'agent') last.sentences.push(...sentences);
    else if (sentences.length > 0) this.#spoken.push({ role: 'agent', sentences });
    if (action) this.actions.push(action);
  }

  #transcript(): Transcript {
    return this.#spoken
      .filter(({ sentences }) => sentences.length > 0)
      .map(({ role, sentences }) => ({ role, content: sentences.join(' ') }));
  }

  async #until(isDone: () => boolean): Promise<void> {
    await this.wait(0);
    for (let waitedMs = 0; !isDone(); waitedMs += STEP_MS) {
      if (waitedMs > TURN_WITHIN_MS) {
        throw new Fault('timeout', 'testing.turn_open', `expected the turn to be closed within ${TURN_WITHIN_MS} ms`);
      }
      await this.wait(STEP_MS);
    }
  }
}

import { type Budget, secondAfterMs } from '../call/budget.ts';
import type { DraftChunk } from '../call/call.ts';
import type { DraftOrder } from '../call/effects.ts';
import type { LanguageModel, ModelRequest } from '../ports/language-model.ts';
import type { ReplyCache } from '../ports/reply-cache.ts';
import { type Allowance, createAllowance } from '../resilience/allowance.ts';
import { createHedge, type Hedge } from '../resilience/hedge.ts';
import { createRetryBudget, type RetryBudget } from '../resilience/retry-budget.ts';
import { type Clock, sleep } from '../std/clock.ts';
import { Fault, toFault } from '../std/fault.ts';
import { randomBetween } from '../std/random.ts';
import type { Agent } from './agent.ts';
import { Flight } from './flight.ts';
import { generate } from './generate.ts';
import { type GuardedModel, guardModel } from './model-guard.ts';
import { buildPrompt } from './prompt.ts';
import { type RepeatableReply, replyKey } from './reply-key.ts';

/** Turns an order for a draft into its chunks. One attempt, one model: races and second tries are the machine's. */
export interface Responder {
  /**
   * Ends after `end` or `tools`; throws a Fault when the model fails. Aborting frees the model's socket at once. A
   * speculative draft is refused while too many of them were for nothing.
   */
  draft(order: DraftOrder, agent: Agent, signal: AbortSignal): AsyncIterable<DraftChunk>;
  /** What became of a speculative draft that did not fail: to be told once of each. */
  settle(agent: Agent, outcome: SpeculationOutcome): void;
  /** When a second draft should race the first, by how long the model's first drafts were silent of late. */
  secondAfterMs(agent: Agent, budget: Budget): number;
  /** The state of each model's breaker, by the model's name. */
  models(): readonly { readonly name: string; readonly breaker: string }[];
}

export type SpeculationOutcome = 'adopted' | 'wasted';

export interface ResponderOptions {
  readonly clock: Clock;
  readonly cache: ReplyCache;
  /** For agents that bring none. */
  readonly defaultModel: LanguageModel | undefined;
  /** Model requests at once, per model: a little above the calls that can run. */
  readonly slots: number;
}

interface Guarded {
  readonly model: GuardedModel;
  readonly retries: RetryBudget;
  readonly hedge: Hedge;
  /** What speculative drafts may waste. */
  readonly speculations: Allowance;
}

/**
 * One wasted draft for three that were asked for: it costs no more tokens than a turn does, so this keeps the tokens of
 * all calls within 35 % of what they were.
 */
const WASTE = { capacity: 10, deposits: 3, spends: 1 };
/** A pause is a weaker sign than a sentence's end, and comes later: it may spend only what those leave. */
const KEPT_FOR_SENTENCES = 5;

export function createResponder({ clock, cache, defaultModel, slots }: ResponderOptions): Responder {
  const guards = new Map<LanguageModel, Guarded>();
  const flights = new Map<string, Flight>();

  return { draft, settle, secondAfterMs: raceAfterMs, models };

  function draft(order: DraftOrder, agent: Agent, signal: AbortSignal): AsyncIterable<DraftChunk> {
    if (order.speculatesOn) return speculativeTry(order, agent, signal);
    return order.attempt === 1 ? firstTry(order, agent, signal) : secondTry(order, agent, signal);
  }

  async function* speculativeTry(
    order: DraftOrder,
    agent: Agent,
    signal: AbortSignal,
  ): AsyncGenerator<DraftChunk, void, void> {
    const { model, speculations } = guardFor(firstModel(agent, defaultModel));
    if (!speculations.covers(order.speculatesOn === 'pause' ? KEPT_FOR_SENTENCES : 0)) {
      throw new Fault(
        'exhausted',
        'model.speculation_budget',
        `expected wasted speculative drafts below a third of turns for ${model.name}`,
      );
    }
    try {
      yield* firstTry(order, agent, signal);
    } catch (thrown) {
      if (!signal.aborted) speculations.spend();
      throw thrown;
    }
  }

  function settle(agent: Agent, outcome: SpeculationOutcome): void {
    const guarded = guardFor(firstModel(agent, defaultModel));
    if (outcome === 'adopted') countAsked(guarded);
    else guarded.speculations.spend();
  }

  async function* firstTry(
    order: DraftOrder,
    agent: Agent,
    signal: AbortSignal,
  ): AsyncGenerator<DraftChunk, void, void> {
    const guarded = guardFor(firstModel(agent, defaultModel));
    const reply = replyKey(agent, order);
    if (!reply) {
      if (!order.speculatesOn) countAsked(guarded);
      yield* watched(guarded, generate(guarded.model, agent, order, buildPrompt(agent, order), signal), signal);
      return;
    }
    const kept = await recall(reply, signal);
    if (!kept) {
      yield* shared(reply, guarded, agent, order).listen(signal);
      return;
    }
    for (const text of kept) yield { kind: 'sentence', text };
    yield { kind: 'end' };
  }

  /** The other model where there is one; the same one a moment later where there is not; nothing when retries are spent. */
  async function* secondTry(
    order: DraftOrder,
    agent: Agent,
    signal: AbortSignal,
  ): AsyncGenerator<DraftChunk, void, void> {
    const first = guardFor(firstModel(agent, defaultModel));
    // An open breaker let no first request through: this one is not a retry, and costs no more than the first would.
    const isRetry = first.model.state().state === 'closed';
    if (isRetry && !first.retries.tryWithdraw()) {
      throw new Fault(
        'exhausted',
        'model.retry_budget',
        `expected second tries below a tenth of first ones for ${first.model.name}`,
      );
    }
    // After a failure the same model gets a moment; a first draft that is merely late has given it one already.
    if (!agent.secondModel && !order.isRace) await sleep(clock, randomBetween(50, 250), signal);
    const { model } = agent.secondModel ? guardFor(agent.secondModel) : first;
    yield* generate(model, agent, order, buildPrompt(agent, order), signal);
  }

  /**
   * Tells the hedge how long a first try was silent: until its first sentence, tool or end, since that is what a race is
   * held for. One that was left, by a barge-in or for the winner of a race, or that timed out, would have been silent
   * for longer; one that failed says nothing of it.
   */
  async function* watched(
    { hedge }: Guarded,
    drafted: AsyncIterable<DraftChunk>,
    signal: AbortSignal,
  ): AsyncGenerator<DraftChunk, void, void> {
    const startedAt = clock.now();
    let isSilent = true;
    try {
      for await (const chunk of drafted) {
        if (isSilent) hedge.ended(clock.now() - startedAt);
        isSilent = false;
        yield chunk;
      }
    } catch (thrown) {
      const isCut = signal.aborted || toFault(thrown).kind === 'timeout';
      if (isSilent && isCut) hedge.givenUp(clock.now() - startedAt);
      throw thrown;
    }
  }

  /** A cache that is away costs a model request, not the answer. */
  async function recall({ key }: RepeatableReply, signal: AbortSignal): Promise<readonly string[] | undefined> {
    try {
      return await cache.get(key, signal);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      return undefined;
    }
  }

  /**
   * One generation for everyone who asks the same at the same time. It sees nothing of the caller: the words the
   * reply is keyed by, the agent's own defaults, no tools. What it says can therefore be said to anyone.
   */
  function shared(
    { key, ttlMs, transcript }: RepeatableReply,
    guarded: Guarded,
    agent: Agent,
    order: DraftOrder,
  ): Flight {
    const joined = flights.get(key);
    if (joined && !joined.isOver) return joined;
    if (!order.speculatesOn) countAsked(guarded);
    const impersonal: DraftOrder = { ...order, transcript, settledTools: [], variables: agent.variables, said: [] };
    const request: ModelRequest = { ...buildPrompt(agent, impersonal), tools: [] };
    const flight = new Flight(async function* (signal) {
      const chunks: DraftChunk[] = [];
      try {
        const drafted = generate(guarded.model, agent, impersonal, request, signal);
        for await (const chunk of watched(guarded, drafted, signal)) {
          chunks.push(chunk);
          yield chunk;
        }
        await keep(key, chunks, ttlMs, signal);
      } finally {
        if (flights.get(key) === flight) flights.delete(key);
      }
    });
    flights.set(key, flight);
    return flight;
  }

  /** Keeps a reply that is words and nothing else: what a tool or an action was part of is no whole answer without it. */
  async function keep(key: string, chunks: readonly DraftChunk[], ttlMs: number, signal: AbortSignal): Promise<void> {
    const sentences = chunks.flatMap((chunk) => (chunk.kind === 'sentence' ? [chunk.text] : []));
    const isWhole = chunks.length === sentences.length + 1 && chunks.at(-1)?.kind === 'end';
    if (sentences.length === 0 || !isWhole) return;
    try {
      await cache.put(key, sentences, ttlMs, signal);
    } catch {
      // Everyone has heard the reply; one that is not kept is made anew.
    }
  }

  function guardFor(model: LanguageModel): Guarded {
    const known = guards.get(model);
    if (known) return known;
    const guarded = {
      model: guardModel(model, { clock, slots }),
      retries: createRetryBudget(),
      hedge: createHedge(),
      speculations: createAllowance(WASTE),
    };
    guards.set(model, guarded);
    return guarded;
  }

  function raceAfterMs(agent: Agent, budget: Budget): number {
    const model = modelOf(agent, defaultModel);
    if (!model) return budget.secondMs;
    return secondAfterMs(budget, guardFor(model).hedge.delayMs());
  }

  function models(): readonly { readonly name: string; readonly breaker: string }[] {
    return [...guards.values()].map(({ model }) => ({ name: model.name, breaker: model.state().state }));
  }
}

/** A first request for what a caller asked: it earns its share of second tries, and of speculative drafts for nothing. */
function countAsked({ retries, speculations }: Guarded): void {
  retries.deposit();
  speculations.deposit();
}

function modelOf(agent: Agent, defaultModel: LanguageModel | undefined): LanguageModel | undefined {
  return agent.model ?? defaultModel ?? agent.scriptedModel;
}

function firstModel(agent: Agent, defaultModel: LanguageModel | undefined): LanguageModel {
  const model = modelOf(agent, defaultModel);
  if (model) return model;
  throw new Fault(
    'invalid',
    'model.none',
    `agent ${agent.name} has no model: none is given, no OPENAI_API_KEY is set, and it has no script`,
    {
      effect: 'hear the fallback line at every turn',
      fixes: ['set OPENAI_API_KEY', 'give the agent a model or a scriptedModel'],
    },
  );
}

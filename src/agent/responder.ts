import { type Budget, secondAfterMs } from '../call/budget.ts';
import type { Action } from '../call/call.ts';
import type { DraftOrder } from '../call/effects.ts';
import type { DraftChunk, DraftedTool } from '../call/inputs.ts';
import { normaliseWords } from '../call/transcript.ts';
import type { LanguageModel, ModelRequest, ModelToolCall } from '../ports/language-model.ts';
import type { ReplyCache } from '../ports/reply-cache.ts';
import { createRetryBudget, type RetryBudget } from '../resilience/retry-budget.ts';
import { type Clock, sleep } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import { randomBetween } from '../std/random.ts';
import type { Agent } from './agent.ts';
import { Flight } from './flight.ts';
import { type GuardedModel, guardModel } from './model-guard.ts';
import { buildPrompt } from './prompt.ts';
import { replyKey } from './reply-key.ts';
import { sentenceCutter } from './sentences.ts';

/** Turns an order for a draft into its chunks. One attempt, one model: races and second tries are the machine's. */
export interface Responder {
  /** Ends after `end` or `tools`; throws a Fault when the model fails. Aborting frees the model's socket at once. */
  draft(order: DraftOrder, agent: Agent, signal: AbortSignal): AsyncIterable<DraftChunk>;
  /** When a second draft should race the first, by the model's own recent times. */
  secondAfterMs(agent: Agent, budget: Budget): number;
  /** The state of each model's breaker, by the model's name. */
  models(): readonly { readonly name: string; readonly breaker: string }[];
}

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
}

export function createResponder({ clock, cache, defaultModel, slots }: ResponderOptions): Responder {
  const guards = new Map<LanguageModel, Guarded>();
  const flights = new Map<string, Flight>();

  return { draft, secondAfterMs: raceAfterMs, models };

  async function* draft(order: DraftOrder, agent: Agent, signal: AbortSignal): AsyncGenerator<DraftChunk, void, void> {
    if (order.attempt === 2) {
      yield* secondTry(order, agent, signal);
      return;
    }
    const guarded = guardFor(firstModel(agent, defaultModel));
    guarded.retries.deposit();
    const repeatable = replyKey(agent, order);
    if (!repeatable) {
      yield* generate(guarded.model, agent, order, buildPrompt(agent, order), signal);
      return;
    }
    const kept = await cache.get(repeatable.key, signal);
    if (kept) {
      for (const text of kept) yield { kind: 'sentence', text };
      yield { kind: 'end' };
      return;
    }
    yield* shared(repeatable, guarded.model, agent, order).listen(signal);
  }

  /** The other model where there is one; the same one a moment later where there is not; nothing when retries are spent. */
  async function* secondTry(
    order: DraftOrder,
    agent: Agent,
    signal: AbortSignal,
  ): AsyncGenerator<DraftChunk, void, void> {
    const first = firstModel(agent, defaultModel);
    const { retries } = guardFor(first);
    if (!retries.tryWithdraw()) {
      throw new Fault(
        'exhausted',
        'model.retry_budget',
        `expected second tries below a tenth of first ones for ${first.name}`,
      );
    }
    if (!agent.secondModel) await sleep(clock, randomBetween(50, 250), signal);
    const { model } = guardFor(agent.secondModel ?? first);
    yield* generate(model, agent, order, buildPrompt(agent, order), signal);
  }

  /**
   * One generation for everyone who asks the same at the same time. It sees nothing of the caller: the last two
   * utterances, the agent's own defaults, no tools. What it says can therefore be said to anyone.
   */
  function shared(
    { key, ttlMs }: { readonly key: string; readonly ttlMs: number },
    model: LanguageModel,
    agent: Agent,
    order: DraftOrder,
  ): Flight {
    const joined = flights.get(key);
    if (joined) return joined;
    const impersonal: DraftOrder = {
      ...order,
      transcript: order.transcript.slice(-2),
      exchanges: [],
      variables: agent.variables,
      said: [],
    };
    const request: ModelRequest = { ...buildPrompt(agent, impersonal), tools: [] };
    const flight = new Flight(async function* (signal) {
      const sentences: string[] = [];
      try {
        for await (const chunk of generate(model, agent, impersonal, request, signal)) {
          if (chunk.kind === 'sentence') sentences.push(chunk.text);
          yield chunk;
        }
        if (sentences.length > 0) await cache.put(key, sentences, ttlMs, signal);
      } finally {
        flights.delete(key);
      }
    });
    flights.set(key, flight);
    return flight;
  }

  function guardFor(model: LanguageModel): Guarded {
    const known = guards.get(model);
    if (known) return known;
    const guarded = { model: guardModel(model, { clock, slots }), retries: createRetryBudget() };
    guards.set(model, guarded);
    return guarded;
  }

  function raceAfterMs(agent: Agent, budget: Budget): number {
    const model = agent.model ?? defaultModel ?? agent.scriptedModel;
    return secondAfterMs(budget, model && guardFor(model).model.recentP95Ms());
  }

  function models(): readonly { readonly name: string; readonly breaker: string }[] {
    return [...guards.values()].map(({ model }) => ({ name: model.name, breaker: model.state().state }));
  }
}

function firstModel(agent: Agent, defaultModel: LanguageModel | undefined): LanguageModel {
  const model = agent.model ?? defaultModel ?? agent.scriptedModel;
  if (model) return model;
  throw new Fault(
    'invalid',
    'model.none',
    `agent ${agent.name} has no model: none is given, no OPENAI_API_KEY is set, and it has no script`,
    {
      effect: 'callers hear the fallback line',
      fixes: ['set OPENAI_API_KEY', 'give the agent a model or a scriptedModel'],
    },
  );
}

/** One model stream as chunks: whole sentences, then the tools it asked for or the end. */
async function* generate(
  model: LanguageModel,
  agent: Agent,
  order: DraftOrder,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<DraftChunk, void, void> {
  const cutter = sentenceCutter();
  const calls: ModelToolCall[] = [];
  const isNew = repetitionFilter(order);
  for await (const chunk of model.stream(request, signal)) {
    if (chunk.kind === 'text') yield* cutter.push(chunk.text).filter(isNew).map(toSentence);
    if (chunk.kind === 'toolCall') calls.push(chunk.call);
  }
  yield* cutter.flush().filter(isNew).map(toSentence);
  const tools: DraftedTool[] = [];
  for (const call of calls) {
    const action = toAction(agent, call);
    if (action) yield { kind: 'action', action };
    else tools.push({ name: call.name, arguments: call.arguments, isSafe: isSafe(agent, call.name) });
  }
  yield tools.length > 0 ? { kind: 'tools', requests: tools } : { kind: 'end' };
}

function toSentence(text: string): DraftChunk {
  return { kind: 'sentence', text };
}

/** A continued answer begins after what was spoken; a model that starts over is skipped up to there. */
function repetitionFilter(order: DraftOrder): (sentence: string) => boolean {
  const spoken = order.said.filter(({ kind }) => kind === 'answer').map(({ text }) => normaliseWords(text));
  return (sentence) => {
    const at = spoken.indexOf(normaliseWords(sentence));
    if (at < 0) return true;
    spoken.splice(at, 1);
    return false;
  };
}

function isSafe(agent: Agent, name: string): boolean {
  return !Object.hasOwn(agent.tools, name) || agent.tools[name]?.effect === 'safe';
}

/** What the model may do with the call itself, when the agent allows it. */
function toAction(agent: Agent, call: ModelToolCall): Action | undefined {
  const args = parseObject(call.arguments);
  const { endCall, transfer, pressDigits } = agent.actions;
  if (call.name === 'end_call' && endCall) return { kind: 'end' };
  if (
    call.name === 'press_digits' &&
    pressDigits &&
    typeof args.digits === 'string' &&
    /^[0-9*#]+$/.test(args.digits)
  ) {
    return { kind: 'digits', digits: args.digits };
  }
  if (call.name === 'transfer_call' && transfer && typeof args.to === 'string' && Object.hasOwn(transfer, args.to)) {
    return { kind: 'transfer', number: transfer[args.to] ?? '' };
  }
  return undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text === '' ? '{}' : text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {}; // a tool asked for with broken arguments is refused by name below, and the model is told
  }
}

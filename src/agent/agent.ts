import { type Budget, DEFAULT_BUDGET } from '../call/budget.ts';
import type { Action, EscalationRule, Rules } from '../call/call.ts';
import type { Transcript } from '../call/transcript.ts';
import type { LanguageModel } from '../ports/language-model.ts';
import { Fault } from '../std/fault.ts';
import type { Tool } from './tools.ts';

export type Variables = Readonly<Record<string, string>>;

/** A text, or one made from the call's variables. */
export type Line = string | ((variables: Variables) => string);

/** What a reply is declared repeatable by: the same words at the same dialogue step get the same reply for any caller. */
export interface CacheableReply {
  /** Tried on the user's last words. */
  readonly says: RegExp;
  /** `same-question` (default): keyed by what the agent said last as well. `any`: the reply fits wherever it is asked. */
  readonly step?: 'same-question' | 'any' | ((transcript: Transcript, variables: Variables) => string);
  /** Default one hour. */
  readonly ttlMs?: number;
}

/** What an author writes. Everything but `name`, `greeting` and `instructions` has a default. */
export interface AgentDefinition {
  readonly name: string;
  /** Change it when instructions or tools change: cached replies and figures are kept by it. Default `1`. */
  readonly version?: string;
  /** Said first. Empty: the agent waits for the caller. */
  readonly greeting: Line;
  readonly instructions: Line;
  /** Default: the model of the environment (`OPENAI_API_KEY`), else the scripted one. */
  readonly model?: LanguageModel;
  /** Races or replaces the first when that is late or fails; default: the same model again. */
  readonly secondModel?: LanguageModel;
  /** Answers when no model is configured, so that the agent can be tried without a key. */
  readonly scriptedModel?: LanguageModel;
  readonly tools?: Readonly<Record<string, Tool>>;
  /** What the model may do with the call itself; each becomes a tool it can ask for. */
  readonly actions?: {
    readonly endCall?: boolean;
    /** Names the model may transfer to, each with its E.164 number. */
    readonly transfer?: Readonly<Record<string, string>>;
    readonly pressDigits?: boolean;
  };
  readonly lines?: Partial<AgentLines>;
  readonly fallback?: { readonly line: string; readonly action?: Action };
  readonly giveUp?: { readonly after: number; readonly line: string; readonly action: Action };
  readonly escalation?: readonly EscalationRule[];
  readonly cacheable?: readonly CacheableReply[];
  /** What a caller hears and gets when all lines are busy. `callback` notes that they want one, then ends the call. */
  readonly overflow?: { readonly line: string; readonly action: Action | { readonly kind: 'callback' } };
  /** Defaults for dynamic variables that a call does not bring. */
  readonly variables?: Variables;
  /** Retell agents answered by this one. */
  readonly retellAgentIds?: readonly string[];
  readonly budget?: Partial<Budget>;
  /** Reads the caller's key presses from the woven transcript: frames grow to about twice their size. */
  readonly hearsDigits?: boolean;
}

export interface AgentLines {
  /** Whole sentences that buy time: Retell speaks from a sentence's end. */
  readonly fillers: readonly string[];
  readonly progress: readonly string[];
  readonly reminders: readonly string[];
  readonly farewell: string;
  readonly handoff: string;
  readonly uncertain: string;
  readonly cutShort: string;
}

/** An agent as the rest of the house sees it: validated once, every default filled in. */
export interface Agent {
  readonly name: string;
  readonly version: string;
  readonly model: LanguageModel | undefined;
  readonly secondModel: LanguageModel | undefined;
  readonly scriptedModel: LanguageModel | undefined;
  readonly tools: Readonly<Record<string, Tool>>;
  readonly actions: NonNullable<AgentDefinition['actions']>;
  readonly cacheable: readonly CacheableReply[];
  readonly overflow: NonNullable<AgentDefinition['overflow']>;
  readonly variables: Variables;
  readonly retellAgentIds: readonly string[];
  readonly hearsDigits: boolean;
  instructions(variables: Variables): string;
  /** What the machine needs to know for a call with these variables; throws what the author's own code throws. */
  rules(variables: Variables): Rules;
  /** The same with the fallback line for a greeting: for when the author's code throws. */
  readonly safeRules: Rules;
}

const DEFAULT_LINES: AgentLines = {
  fillers: ['One moment, please.', 'Let me see.'],
  progress: ['I am still on it.', 'It is taking a little longer than usual.'],
  reminders: ['Are you still there?', 'Take your time, I am here.'],
  farewell: 'Thank you for calling. Goodbye.',
  handoff: 'I am connecting you now.',
  uncertain: 'I am not sure that went through. Shall I try it again?',
  cutShort: 'Sorry, I lost my thread. Could you say that again?',
};

const DEFAULT_FALLBACK = { line: 'Sorry, I did not get that. Could you say it again?' } as const;
const DEFAULT_GIVE_UP = {
  after: 3,
  line: 'I am sorry, I am having trouble right now. Please call again a little later.',
  action: { kind: 'end' },
} as const;
const DEFAULT_OVERFLOW = {
  line: 'All our lines are busy right now. Please call again in a few minutes.',
  action: { kind: 'end' },
} as const;

const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const TOOL_NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,63}$/;

/** The names under which the model asks for what it may do with the call. */
export const ACTION_TOOLS = ['end_call', 'transfer_call', 'press_digits'] as const;

/**
 * Defines an agent: what it says and does, the same file in all three variants. Faults (kind `invalid`):
 * `agent.bad_name`, `agent.no_instructions`, `agent.bad_tool_name`, `agent.bad_budget`.
 */
export function defineAgent(definition: AgentDefinition): Agent {
  validate(definition);
  const { name, version = '1', tools = {}, actions = {} } = definition;
  const lines: AgentLines = { ...DEFAULT_LINES, ...definition.lines };
  const budget: Budget = { ...DEFAULT_BUDGET, ...definition.budget };
  const rulesWith = (greeting: string): Rules => ({
    ...lines,
    agent: { name, version },
    greeting,
    budget,
    fallback: definition.fallback ?? DEFAULT_FALLBACK,
    giveUp: definition.giveUp ?? DEFAULT_GIVE_UP,
    escalation: definition.escalation ?? [],
  });
  return {
    name,
    version,
    tools,
    actions,
    model: definition.model,
    secondModel: definition.secondModel,
    scriptedModel: definition.scriptedModel,
    cacheable: definition.cacheable ?? [],
    overflow: definition.overflow ?? DEFAULT_OVERFLOW,
    variables: definition.variables ?? {},
    retellAgentIds: definition.retellAgentIds ?? [],
    hearsDigits: definition.hearsDigits ?? false,
    instructions: (variables) => render(definition.instructions, variables),
    rules: (variables) => rulesWith(render(definition.greeting, variables)),
    safeRules: rulesWith((definition.fallback ?? DEFAULT_FALLBACK).line),
  };
}

function render(line: Line, variables: Variables): string {
  return typeof line === 'string' ? line : line(variables);
}

function validate(definition: AgentDefinition): void {
  const { name, instructions, tools = {}, budget = {} } = definition;
  if (!NAME.test(name)) {
    throw new Fault(
      'invalid',
      'agent.bad_name',
      `expected an agent name like "front-desk", got ${JSON.stringify(name)}`,
    );
  }
  if (instructions === '') {
    throw new Fault('invalid', 'agent.no_instructions', `agent ${name}: expected instructions, got an empty text`);
  }
  const reserved: readonly string[] = ACTION_TOOLS;
  const bad = Object.keys(tools).find((tool) => !TOOL_NAME.test(tool) || reserved.includes(tool));
  if (bad !== undefined) {
    throw new Fault(
      'invalid',
      'agent.bad_tool_name',
      `agent ${name}: expected letters, digits and _ (and none of ${reserved.join(', ')}), got the tool name ${JSON.stringify(bad)}`,
    );
  }
  const times = { ...DEFAULT_BUDGET, ...budget };
  const isOrdered =
    times.fillerMs <= 1_000 && times.fillerMs < times.fillerAgainMs && times.fillerAgainMs < times.finalMs;
  if (!isOrdered || times.finalMs >= times.limitMs || times.secondFloorMs > times.secondMs || times.answerMs <= 0) {
    throw new Fault(
      'invalid',
      'agent.bad_budget',
      `agent ${name}: expected fillerMs (at most 1000) < fillerAgainMs < finalMs < limitMs and secondFloorMs <= secondMs`,
      { effect: 'a caller would hear silence' },
    );
  }
}

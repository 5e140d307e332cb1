import { type Budget, DEFAULT_BUDGET } from '../call/budget.ts';
import type { Action, EscalationRule, Rules } from '../call/call.ts';
import type { Transcript } from '../call/transcript.ts';
import type { LanguageModel } from '../ports/language-model.ts';
import { Fault } from '../std/fault.ts';
import { nearest } from '../std/nearest.ts';
import { isTool, type Tool } from './tools.ts';

export type Variables = Readonly<Record<string, string>>;

/** A text, or one made from the call's variables. */
export type Line = string | ((variables: Variables) => string);

/** What a reply is declared repeatable by: the same words at the same dialogue step get the same reply for any caller. */
export interface CacheableReply {
  /** Tried on the user's last words. */
  readonly says: RegExp;
  /**
   * `same-question` (default): keyed by what the agent said last as well. `any`: the reply fits wherever it is asked.
   * A function names the step; like `any` it is answered from the user's words alone.
   */
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
  /**
   * Experimental: starts drafts before Retell asks, from what the caller has said so far, and uses one when the ask is
   * for the same words. Answers come sooner, for at most a third more model requests. Default false.
   */
  readonly speculate?: boolean;
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

/** Every key of a definition; the type makes the list whole. */
const KEYS: Readonly<Record<keyof AgentDefinition, true>> = {
  name: true,
  version: true,
  greeting: true,
  instructions: true,
  model: true,
  secondModel: true,
  scriptedModel: true,
  tools: true,
  actions: true,
  lines: true,
  fallback: true,
  giveUp: true,
  escalation: true,
  cacheable: true,
  overflow: true,
  variables: true,
  retellAgentIds: true,
  budget: true,
  speculate: true,
  hearsDigits: true,
};
const ACTION_KEYS: Readonly<Record<keyof Agent['actions'], true>> = {
  endCall: true,
  transfer: true,
  pressDigits: true,
};

/** No turn is that long, and no timer holds `Infinity`. */
const MAX_BUDGET_MS = 600_000;
const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const TOOL_NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,63}$/;

/** The names under which the model asks for what it may do with the call. */
export const ACTION_TOOLS = ['end_call', 'transfer_call', 'press_digits'] as const;

/**
 * Defines an agent: what it says and does, the same file in all three variants. Faults (kind `invalid`):
 * `agent.unknown_key`, `agent.bad_name`, `agent.bad_greeting`, `agent.no_instructions`, `agent.bad_tool_name`,
 * `agent.bad_tool`, `agent.empty_line`, `agent.bad_budget`.
 */
export function defineAgent(definition: AgentDefinition): Agent {
  const { name, version = '1', tools = {}, actions = {}, cacheable = [], escalation = [] } = definition;
  const { speculate = false } = definition;
  const { fallback = DEFAULT_FALLBACK, giveUp = DEFAULT_GIVE_UP, overflow = DEFAULT_OVERFLOW } = definition;
  const lines: AgentLines = { ...DEFAULT_LINES, ...definition.lines };
  const budget: Budget = { ...DEFAULT_BUDGET, ...definition.budget };
  checkKeys(definition);
  checkTexts(definition);
  checkTools(name, tools);
  checkLines(name, lines, [fallback, giveUp, overflow, ...escalation]);
  checkBudget(name, budget);
  const rulesWith = (greeting: string): Rules => ({
    ...lines,
    agent: { name, version },
    greeting,
    budget,
    fallback,
    giveUp,
    speculates: speculate,
    escalation: escalation.map((rule) =>
      'says' in rule.when ? { ...rule, when: { says: stateless(rule.when.says) } } : rule,
    ),
  });
  return {
    name,
    version,
    tools,
    actions,
    model: definition.model,
    secondModel: definition.secondModel,
    scriptedModel: definition.scriptedModel,
    cacheable: cacheable.map((rule) => ({ ...rule, says: stateless(rule.says) })),
    overflow,
    variables: definition.variables ?? {},
    retellAgentIds: definition.retellAgentIds ?? [],
    hearsDigits: definition.hearsDigits ?? false,
    instructions: (variables) => render(definition.instructions, variables),
    rules: (variables) => rulesWith(render(definition.greeting, variables)),
    safeRules: rulesWith(fallback.line),
  };
}

function render(line: Line, variables: Variables): string {
  return typeof line === 'string' ? line : line(variables);
}

/** A pattern with the flags g or y remembers where it matched last, and would miss every second caller. */
function stateless({ source, flags }: RegExp): RegExp {
  return new RegExp(source, flags.replace(/[gy]/g, ''));
}

/** A misspelt key would be its default without a word: the line or the rule that its author wrote is never heard. */
function checkKeys(definition: AgentDefinition): void {
  const { name, lines = {}, budget = {}, actions = {} } = definition;
  const places = [
    { where: '', given: definition, known: KEYS },
    { where: 'lines.', given: lines, known: DEFAULT_LINES },
    { where: 'budget.', given: budget, known: DEFAULT_BUDGET },
    { where: 'actions.', given: actions, known: ACTION_KEYS },
  ];
  for (const { where, given, known } of places) {
    const key = Object.keys(given).find((one) => !Object.hasOwn(known, one));
    if (key === undefined) continue;
    const meant = nearest(key, Object.keys(known));
    throw new Fault(
      'invalid',
      'agent.unknown_key',
      `agent ${name}: expected a documented key, got ${JSON.stringify(where + key)}`,
      {
        effect: 'nobody is answered until it starts',
        fixes: [meant ? `did you mean ${where}${meant}?` : `use one of: ${Object.keys(known).join(', ')}`],
      },
    );
  }
}

/** The types say most of this; agents run unchecked, so what would be noticed only in a call is checked here. */
function checkTexts({ name, greeting, instructions }: AgentDefinition): void {
  if (typeof name !== 'string' || !NAME.test(name)) {
    const expected = 'expected an agent name like "front-desk"';
    throw new Fault('invalid', 'agent.bad_name', `${expected}, got ${JSON.stringify(name)}`);
  }
  if (typeof greeting !== 'string' && typeof greeting !== 'function') {
    const expected = `agent ${name}: expected a greeting, '' to wait for the caller`;
    throw new Fault('invalid', 'agent.bad_greeting', `${expected}, got ${typeof greeting}`);
  }
  if (typeof instructions !== 'function' && !isSpoken(instructions)) {
    const expected = `agent ${name}: expected instructions`;
    throw new Fault('invalid', 'agent.no_instructions', `${expected}, got ${JSON.stringify(instructions)}`);
  }
}

function checkTools(name: string, tools: Readonly<Record<string, Tool>>): void {
  const reserved: readonly string[] = ACTION_TOOLS;
  const bad = Object.keys(tools).find((tool) => !TOOL_NAME.test(tool) || reserved.includes(tool));
  if (bad !== undefined) {
    throw new Fault(
      'invalid',
      'agent.bad_tool_name',
      `agent ${name}: expected letters, digits and _ (and none of ${reserved.join(', ')}), got the tool name ${JSON.stringify(bad)}`,
    );
  }
  const unmade = Object.keys(tools).find((one) => !isTool(tools[one]));
  if (unmade === undefined) return;
  throw new Fault('invalid', 'agent.bad_tool', `agent ${name}: expected tools made by tool(), ${unmade} is none`, {
    effect: 'nobody is answered until it starts',
    fixes: [`write tools: { ${unmade}: tool({ ... }) }`],
  });
}

function checkLines(name: string, lines: AgentLines, others: readonly { readonly line: string }[]): void {
  const hasSilence = ![...Object.values(lines).flat(), ...others.map(({ line }) => line)].every(isSpoken);
  if (!hasSilence && lines.fillers.length > 0) return;
  throw new Fault(
    'invalid',
    'agent.empty_line',
    `agent ${name}: expected words in every line, and at least one filler`,
    {
      effect: 'would hear silence: nobody is answered until it is mended',
      fixes: ['leave a line out to have the default'],
    },
  );
}

function checkBudget(name: string, budget: Budget): void {
  const { fillerMs, fillerAgainMs, finalMs, limitMs, secondMs, secondFloorMs } = budget;
  const areTimes = Object.values(budget).every((ms) => ms > 0 && ms <= MAX_BUDGET_MS);
  const isOrdered = fillerMs <= 1_000 && fillerMs < fillerAgainMs && fillerAgainMs < finalMs && finalMs < limitMs;
  if (areTimes && isOrdered && secondFloorMs <= secondMs) return;
  throw new Fault(
    'invalid',
    'agent.bad_budget',
    `agent ${name}: expected fillerMs (at most 1000) < fillerAgainMs < finalMs < limitMs (at most ${MAX_BUDGET_MS}) and secondFloorMs <= secondMs, all above 0`,
    { effect: 'would hear silence: nobody is answered until it is mended' },
  );
}

function isSpoken(line: unknown): boolean {
  return typeof line === 'string' && line.trim() !== '';
}

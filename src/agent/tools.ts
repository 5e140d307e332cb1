import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type { Action, AgentTuning, CallId, Tell } from '../call/call.ts';
import { canonicalJson } from '../std/canonical-json.ts';
import { Fault } from '../std/fault.ts';

/**
 * What running a tool does to the world. `safe` reads; `idempotent` may be repeated with the same key; `once` must
 * take effect once, so it is claimed in the ledger before it acts and never repeated on a guess.
 */
export type ToolEffect = 'safe' | 'idempotent' | 'once';

const EFFECTS: readonly ToolEffect[] = ['safe', 'idempotent', 'once'];

/** A schema that can validate and print itself as JSON Schema: zod 4, arktype, valibot and others. */
export type ToolSchema = StandardSchemaV1 & StandardJSONSchemaV1;

export interface ToolContext {
  readonly callId: CallId;
  readonly variables: Readonly<Record<string, string>>;
  /** The same for every run with one effect: hand it to services that take an idempotency key. */
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
  /** Hang up once the words that follow have been spoken. */
  endCall(): void;
  /** Cold transfer once the words that follow have been spoken; E.164. */
  transfer(number: string, options?: { readonly showCaller?: boolean }): void;
  pressDigits(digits: string): void;
  /** Forwarded to a web call's frontend. */
  sendMetadata(metadata: Readonly<Record<string, unknown>>): void;
  updateAgent(config: AgentTuning): void;
}

/** What `tool()` takes. `Args` is what the schema makes of the model's arguments. */
export interface ToolDefinition<Schema extends ToolSchema> {
  readonly description: string;
  readonly parameters: Schema;
  readonly effect: ToolEffect;
  /** What makes two requests the same one; the canonical arguments unless given. Needed where a `once` tool takes free text. */
  readonly key?: (args: StandardSchemaV1.InferOutput<Schema>) => string;
  /** `call` (default): the effect happens at most once in a call. `request`: once until an answer was heard, then anew. */
  readonly scope?: 'call' | 'request';
  /** Asked after a crash whether the effect took place: its result, or undefined when it certainly did not. */
  readonly lookup?: (args: StandardSchemaV1.InferOutput<Schema>, context: ToolContext) => Promise<unknown>;
  /** Default 8,000 ms, after which the outcome counts as unknown (`once`) or failed. */
  readonly timeoutMs?: number;
  /** Throw `refuse(...)` when it certainly did not take effect; anything else thrown by a `once` tool is an unknown outcome. */
  readonly run: (args: StandardSchemaV1.InferOutput<Schema>, context: ToolContext) => unknown;
}

/** A tool, its argument types closed over. */
export interface Tool {
  readonly description: string;
  readonly effect: ToolEffect;
  readonly scope: 'call' | 'request';
  readonly timeoutMs: number;
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Validates arguments; the prepared tool runs with them. */
  prepare(args: unknown): Promise<PreparedTool | { readonly problem: string }>;
}

export interface PreparedTool {
  readonly key: string;
  run(context: ToolContext): Promise<unknown>;
  readonly lookup: ((context: ToolContext) => Promise<unknown>) | undefined;
}

/** What `tool()` made: its checks are what makes a tool safe to run. */
const made = new WeakSet<object>();

const DEFAULT_TIMEOUT_MS = 8_000;
/** No caller waits longer than this, and no timer holds `Infinity`. */
const MAX_TIMEOUT_MS = 600_000;

/**
 * Makes a tool; its argument types come from `parameters`. Faults (kind `invalid`): `tool.bad_effect`,
 * `tool.bad_timeout`, `tool.bad_schema`, `tool.key_needed`.
 */
export function tool<Schema extends ToolSchema>(definition: ToolDefinition<Schema>): Tool {
  const parameters = printSchema(definition.parameters);
  validate(definition, parameters);
  const whole: Tool = {
    description: definition.description,
    effect: definition.effect,
    scope: definition.scope ?? 'call',
    timeoutMs: definition.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    parameters,
    async prepare(raw) {
      const result = await definition.parameters['~standard'].validate(raw);
      if (result.issues) {
        return { problem: result.issues.map(({ path, message }) => `${printPath(path)}${message}`).join('; ') };
      }
      const args = result.value;
      const { lookup } = definition;
      return {
        key: definition.key ? definition.key(args) : canonicalJson(args),
        run: async (context) => definition.run(args, context),
        lookup: lookup && (async (context) => lookup(args, context)),
      };
    },
  };
  made.add(whole);
  return whole;
}

/** Whether `tool()` made it; copies and what merely looks like a tool were never checked. */
export function isTool(given: unknown): given is Tool {
  return typeof given === 'object' && given !== null && made.has(given);
}

/** Thrown by a tool whose effect certainly did not take place ("that table is taken"): the model is told, the key is free again. */
export function refuse(message: string): Fault {
  return new Fault('conflict', 'tool.refused', message);
}

/** What a tool asked for while it ran, beside its result. */
export interface ToolWishes {
  action?: Action;
  readonly tells: Tell[];
}

/** The context of one run, collecting what the tool wishes of the call. */
export function toolContext(
  base: Pick<ToolContext, 'callId' | 'variables' | 'idempotencyKey' | 'signal'>,
  wishes: ToolWishes,
): ToolContext {
  return {
    ...base,
    endCall: () => {
      wishes.action = { kind: 'end' };
    },
    transfer: (number, options) => {
      wishes.action = { kind: 'transfer', number, ...(options?.showCaller && { showCaller: true }) };
    },
    pressDigits: (digits) => {
      wishes.action = { kind: 'digits', digits };
    },
    sendMetadata: (metadata) => {
      wishes.tells.push({ kind: 'metadata', metadata });
    },
    updateAgent: (config) => {
      wishes.tells.push({ kind: 'agent', config });
    },
  };
}

function printPath(path: StandardSchemaV1.Issue['path']): string {
  if (!path || path.length === 0) return '';
  return `${path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')}: `;
}

/** A model is offered a tool by the JSON Schema of one object, whatever library wrote it. */
function printSchema(schema: ToolSchema): Tool['parameters'] {
  try {
    const printed = schema['~standard'].jsonSchema.input({ target: 'draft-2020-12' });
    if (printed.type === 'object') return printed;
  } catch (cause) {
    throw badSchema(cause instanceof Error ? cause.message : 'one that cannot print itself', cause);
  }
  throw badSchema('one of something else');
}

function badSchema(came: string, cause?: unknown): Fault {
  const expected = 'expected parameters that print as the JSON Schema of an object';
  return new Fault('invalid', 'tool.bad_schema', `${expected}, got ${came}`, {
    cause,
    fixes: ['use z.object({ ... })', 'for a date, z.iso.date(); for a choice, z.enum([...])'],
  });
}

function validate<Schema extends ToolSchema>(definition: ToolDefinition<Schema>, parameters: Tool['parameters']): void {
  const { effect, key, timeoutMs = DEFAULT_TIMEOUT_MS } = definition;
  if (!EFFECTS.includes(effect)) {
    throw new Fault('invalid', 'tool.bad_effect', `expected an effect of ${EFFECTS.join(', ')}, got ${String(effect)}`);
  }
  if (!(timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    const expected = `expected a timeoutMs above 0 and of at most ${MAX_TIMEOUT_MS}`;
    throw new Fault('invalid', 'tool.bad_timeout', `${expected}, got ${String(timeoutMs)}`);
  }
  if (effect === 'once' && !key && takesFreeText(parameters)) {
    throw new Fault(
      'invalid',
      'tool.key_needed',
      `a tool with effect 'once' and a free-text argument needs key(args): "8pm" and "20:00" are one booking`,
      {
        effect: 'could have one wish carried out twice: nobody is answered until it starts',
        fixes: ['add key: (args) => ...', 'use an enum, a format or a pattern'],
      },
    );
  }
}

/** Where a JSON Schema holds further ones: under names of the author's, and as they are. */
const NAMED = ['properties', 'patternProperties', '$defs', 'definitions'] as const;
const NESTED = ['items', 'prefixItems', 'additionalProperties', 'propertyNames', 'anyOf', 'oneOf', 'allOf'] as const;

/** Whether anything in the schema takes text in any wording: no enum, const, format or pattern, or no type at all. */
function takesFreeText(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null || 'enum' in schema || 'const' in schema) return false;
  const keywords: Readonly<Record<string, unknown>> = { ...schema };
  // An optional text is printed as `["string", "null"]` by some.
  const isText = [keywords.type].flat().includes('string');
  if (isText && !('format' in keywords || 'pattern' in keywords)) return true;
  const parts = [
    ...NAMED.flatMap((name) => Object.values(keywords[name] ?? {})),
    ...NESTED.flatMap((name) => keywords[name] ?? []),
  ];
  const isAnything = !['type', '$ref', 'not', ...NESTED].some((name) => name in keywords);
  return isAnything || parts.some(takesFreeText);
}

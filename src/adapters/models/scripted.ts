import { createHash } from 'node:crypto';
import type { LanguageModel, ModelChunk, ModelMessage, ModelRequest } from '../../ports/language-model.ts';
import { canonicalJson } from '../../std/canonical-json.ts';
import { type Clock, sleep, systemClock } from '../../std/clock.ts';
import { cancelledBy } from './faults.ts';

/** A tool's answer, as a rule sees it. */
export interface ScriptResult {
  readonly name: string;
  /** As the tool wrote it. */
  readonly content: string;
  /** `content` as JSON, or undefined when it is none. */
  readonly value: unknown;
}

/** The conversation, as a rule sees it. */
export interface ScriptView {
  /** The user's last words, or '' before the first. */
  readonly said: string;
  /** All the user's words, oldest first. */
  readonly heard: readonly string[];
  /** What tools answered since the user's last words, oldest first. */
  readonly results: readonly ScriptResult[];
  /** Names of the tools on offer. */
  readonly tools: readonly string[];
  readonly messages: readonly ModelMessage[];
  /** What `when` matched in `said`, where it is a pattern. */
  readonly match: RegExpExecArray | undefined;
}

export interface ScriptCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** The first rule that fits speaks, then calls its tool; once the tool has answered, `after` has the word. */
export interface ScriptRule {
  readonly when: RegExp | ((view: ScriptView) => boolean);
  readonly say?: string | ((view: ScriptView) => string);
  /** The tool to call, or words instead (to ask for what is missing). */
  readonly call?: (view: ScriptView) => ScriptCall | string;
  /** What to say to the tool's answer, or the next tool to call. Without it `otherwise` speaks. */
  readonly after?: (result: ScriptResult, view: ScriptView) => ScriptCall | string;
  /** Before the first chunk, for answers to `call` and `after` too. Default 0. */
  readonly delayMs?: number;
}

export interface ScriptOptions {
  /** Said when no rule fits, or a rule calls a tool that is not on offer. */
  readonly otherwise?: string | ((view: ScriptView) => string);
  readonly clock?: Clock;
  /** Default `scripted/rules`. */
  readonly name?: string;
}

const OTHERWISE = 'I am sorry, I did not get that. Could you say it in other words?';

/**
 * A model without a model, for demos and tests: rules tried in order against the user's last words. The same
 * conversation gets the same answer, tool call ids included, word by word as a real one streams it.
 */
export function scripted(rules: readonly ScriptRule[], options: ScriptOptions = {}): LanguageModel {
  const { otherwise = OTHERWISE, clock = systemClock, name = 'scripted/rules' } = options;

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelChunk, void, void> {
    const seen = viewOf(request);
    const found = firstFit(rules, seen);
    const { say, call } = found ? play(found.rule, found.view) : { say: '', call: undefined };
    const isOnOffer = call !== undefined && seen.tools.includes(call.name);
    const words = (call ? isOnOffer : say !== '') ? say : textOf(otherwise, seen);

    // A delay of zero waits for nothing, so that a test without delays need not move its clock.
    if (found?.rule.delayMs) await sleep(clock, found.rule.delayMs, signal);
    for (const word of words.match(/\s*\S+\s*$|\s*\S+/g) ?? []) {
      if (signal.aborted) throw cancelledBy(signal);
      yield { kind: 'text', text: word };
    }
    if (call && isOnOffer) {
      const id = `call_${createHash('sha256').update(canonicalJson(request.messages)).digest('hex').slice(0, 16)}`;
      yield { kind: 'toolCall', call: { id, name: call.name, arguments: JSON.stringify(call.arguments) } };
    }
    yield { kind: 'end' };
  }

  return { name, stream };
}

function firstFit(
  rules: readonly ScriptRule[],
  seen: ScriptView,
): { readonly rule: ScriptRule; readonly view: ScriptView } | undefined {
  for (const rule of rules) {
    if (typeof rule.when === 'function') {
      if (rule.when(seen)) return { rule, view: seen };
      continue;
    }
    // A pattern with the g or y flag remembers where it stopped: the next call would not begin at the start.
    rule.when.lastIndex = 0;
    const match = rule.when.exec(seen.said);
    if (match) return { rule, view: { ...seen, match } };
  }
  return undefined;
}

function play(rule: ScriptRule, view: ScriptView): { readonly say: string; readonly call: ScriptCall | undefined } {
  const result = view.results.at(-1);
  // A rule that calls has called once its tool has answered; calling again would go on for ever.
  if (result && rule.call) return sayOrCall('', rule.after?.(result, view) ?? '');
  return sayOrCall(textOf(rule.say ?? '', view), rule.call?.(view) ?? '');
}

function sayOrCall(say: string, next: ScriptCall | string) {
  if (typeof next !== 'string') return { say, call: next };
  return { say: [say, next].filter((text) => text !== '').join(' '), call: undefined };
}

function textOf(text: string | ((view: ScriptView) => string), view: ScriptView): string {
  return typeof text === 'string' ? text : text(view);
}

function viewOf({ messages, tools }: ModelRequest): ScriptView {
  const isUser = (message: ModelMessage) => message.role === 'user';
  const heard = messages.filter(isUser).map(({ content }) => content);
  const names = new Map(
    messages.flatMap((message) =>
      message.role === 'assistant' ? (message.toolCalls ?? []).map((call) => [call.id, call.name] as const) : [],
    ),
  );
  const results = messages.slice(messages.findLastIndex(isUser) + 1).flatMap((message) => {
    if (message.role !== 'tool') return [];
    const { toolCallId, content } = message;
    return [{ name: names.get(toolCallId) ?? 'unknown', content, value: parse(content) }];
  });
  const said = heard.at(-1) ?? '';
  return { said, heard, results, tools: tools.map((tool) => tool.name), messages, match: undefined };
}

function parse(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined; // a tool may answer in plain words
  }
}

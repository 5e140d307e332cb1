import type { Action, DraftChunk, DraftedTool } from '../call/call.ts';
import type { DraftOrder } from '../call/effects.ts';
import { normaliseWords } from '../call/transcript.ts';
import type { LanguageModel, ModelRequest, ModelToolCall } from '../ports/language-model.ts';
import type { Agent } from './agent.ts';
import { sentenceCutter } from './sentences.ts';

/** One model stream as chunks: whole sentences, then actions, then the tools it asked for or the end. Throws what the model throws. */
export async function* generate(
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
    if (chunk.kind !== 'toolCall') continue;
    // What was said before a tool is asked for is said: no more words of that sentence will come.
    yield* cutter.flush().filter(isNew).map(toSentence);
    calls.push(chunk.call);
  }
  yield* cutter.flush().filter(isNew).map(toSentence);
  const tools: DraftedTool[] = [];
  for (const call of calls) {
    const action = toAction(agent, call, order.isProven);
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
    if (spoken.length === 0) return true;
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
function toAction(agent: Agent, call: ModelToolCall, isProven: boolean): Action | undefined {
  const args = parseObject(call.arguments);
  const { endCall, transfer, pressDigits } = agent.actions;
  if (call.name === 'end_call' && endCall) return { kind: 'end' };
  if (!isProven) return undefined;
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

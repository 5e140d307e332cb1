import { memoryReplyCache } from '../src/adapters/memory/reply-cache.ts';
import { type Agent, type AgentDefinition, defineAgent } from '../src/agent/agent.ts';
import { createResponder, type ResponderOptions } from '../src/agent/responder.ts';
import type { DraftChunk, Said, SettledTool, ToolOutcome } from '../src/call/call.ts';
import type { DraftOrder } from '../src/call/effects.ts';
import type { Transcript } from '../src/call/transcript.ts';
import type { LanguageModel, ModelChunk, ModelRequest } from '../src/ports/language-model.ts';
import { Fault, toFault } from '../src/std/fault.ts';
import { ManualClock } from '../src/std/manual-clock.ts';

export const agentSaid = (content: string) => ({ role: 'agent', content }) as const;
export const userSaid = (content: string) => ({ role: 'user', content }) as const;

export const TRANSCRIPT: Transcript = [agentSaid('How can I help?'), userSaid('When are you open?')];

export function orderOf(order: Partial<DraftOrder> = {}): DraftOrder {
  return {
    draftId: '1.1.1',
    attempt: 1,
    responseId: 1,
    transcript: TRANSCRIPT,
    settledTools: [],
    variables: {},
    said: [],
    isProven: true,
    ...order,
  };
}

export function answered(...texts: readonly string[]): readonly Said[] {
  return texts.map((text) => ({ kind: 'answer', text }));
}

/** A finished tool use, asked for when `at` utterances had been heard. */
export function settledOf(
  at: number,
  name: string,
  outcome: ToolOutcome = { kind: 'done', content: name },
): SettledTool {
  const use = { toolCallId: `t.${name}`, name, arguments: '{}', request: 1, at, isSafe: true, granted: [] };
  return { use, outcome };
}

export function agentOf(definition: Partial<AgentDefinition> = {}) {
  return defineAgent({ name: 'desk', greeting: 'Hello.', instructions: 'Be brief.', ...definition });
}

export const text = (words: string): ModelChunk => ({ kind: 'text', text: words });
export const end: ModelChunk = { kind: 'end' };
export const toolCall = (name: string, args = '{}'): ModelChunk => ({
  kind: 'toolCall',
  call: { id: `m.${name}`, name, arguments: args },
});

/** A model that says what it is told to, and keeps what it was asked and which requests were aborted. */
export function fakeModel(
  say: (nth: number, signal: AbortSignal) => Iterable<ModelChunk> | AsyncIterable<ModelChunk>,
  name = 'test/fake',
) {
  const seen = { requests: [] as ModelRequest[], aborted: [] as string[] };
  const model: LanguageModel = {
    name,
    async *stream(request, signal) {
      const nth = seen.requests.push(request) - 1;
      signal.addEventListener('abort', () => seen.aborted.push(toFault(signal.reason).reason));
      yield* say(nth, signal);
    },
  };
  return { model, seen };
}

/** Reads a draft to its end: what it said as plain texts, other chunks as they are, and how it ended. */
export async function readDraft(draft: AsyncIterable<DraftChunk>, chunks: (string | DraftChunk)[] = []) {
  try {
    for await (const chunk of draft) chunks.push(chunk.kind === 'sentence' ? chunk.text : chunk);
    return { chunks, fault: undefined };
  } catch (thrown) {
    return { chunks, fault: thrown };
  }
}

/** Why a started draft is aborted. */
export const LEFT = new Fault('cancelled', 'test.left', 'the caller spoke');

/** A responder over a cache in memory. `start` leaves a draft running, `draft` reads one to its end. */
export function setUpResponder(options: Partial<ResponderOptions> = {}) {
  const clock = new ManualClock();
  const cache = memoryReplyCache(clock);
  const responder = createResponder({ clock, cache, defaultModel: undefined, slots: 10, ...options });
  const start = (agent: Agent, order: Partial<DraftOrder> = {}) => {
    const controller = new AbortController();
    const heard: (string | DraftChunk)[] = [];
    const done = readDraft(responder.draft(orderOf(order), agent, controller.signal), heard);
    return { heard, done, abort: () => controller.abort(LEFT) };
  };
  return { clock, cache, responder, start, draft: (...args: Parameters<typeof start>) => start(...args).done };
}

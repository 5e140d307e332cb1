import { createParser } from 'eventsource-parser';
import { z } from 'zod';
import type { ModelChunk, ModelToolCall } from '../../ports/language-model.ts';
import { Fault } from '../../std/fault.ts';
import { isRecord, parseJson } from '../../std/json.ts';
import { randomHex } from '../../std/random.ts';
import { badResponse, streamCut, streamFailed, streamMalformed } from './faults.ts';

/** Longest line or event, in characters; a turn's words are a few kilobytes. */
const MAX_EVENT_CHARS = 1024 * 1024;
/** Longest stream: it bounds what an endless one of small events can cost. */
const MAX_STREAM_BYTES = 4 * 1024 * 1024;

/** What a server may leave out or send as null, it does leave out or send as null somewhere. */
const streamEvent = z.object({
  error: z.unknown().optional(),
  choices: z
    .array(
      z.object({
        index: z.number().nullish(),
        finish_reason: z.string().nullish(),
        delta: z
          .object({
            content: z.string().nullish(),
            tool_calls: z
              .array(
                z.object({
                  index: z.number().nullish(),
                  id: z.string().nullish(),
                  function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }).nullish(),
                }),
              )
              .nullish(),
          })
          .nullish(),
      }),
    )
    .nullish(),
});
type StreamEvent = z.infer<typeof streamEvent>;
type ToolPiece = NonNullable<
  NonNullable<NonNullable<NonNullable<StreamEvent['choices']>[number]['delta']>['tool_calls']>
>[number];

/**
 * Reads the bytes of a chat completion's event stream: words as they come, all that came at once as one chunk, tool
 * calls once they are whole, then `end`. However the bytes are split, the words and calls are the same. Returns right
 * after `end`, leaving the rest unread.
 *
 * @throws Fault `model.stream_malformed`, `model.event_too_large`, `model.stream_too_large`, `model.stream_failed`,
 *   `model.tool_call_cut`, `model.stream_cut`, `model.bad_response` (there was not one event)
 */
export async function* readChunks(
  bytes: AsyncIterable<Uint8Array>,
  model: string,
): AsyncGenerator<ModelChunk, void, void> {
  const decoder = new TextDecoder();
  const tools = new ToolAssembly();
  let events: string[] = [];
  let hasEvents = false;
  let isTooLarge = false;
  let received = 0;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: (event) => events.push(event.data),
    onError: (error) => {
      // Unknown fields and the like are skipped, as the specification of event streams wants.
      isTooLarge ||= error.type === 'max-buffer-size-exceeded';
    },
  });

  for await (const piece of bytes) {
    received += piece.byteLength;
    if (received > MAX_STREAM_BYTES) throw streamTooLarge(model);
    parser.feed(decoder.decode(piece, { stream: true }));
    const ready = events;
    events = [];
    hasEvents ||= ready.length > 0;
    const { text, finish, fault } = readEvents(ready, tools, model);
    if (text !== undefined) yield { kind: 'text', text };
    if (fault) throw fault;
    if (finish !== undefined) {
      // Out of tokens in the middle of the arguments: what there is of them is not a call.
      if (finish === 'length' && tools.isBusy) throw toolCallCut(model);
      for (const call of tools.take()) yield { kind: 'toolCall', call };
      yield { kind: 'end' };
      return;
    }
    if (isTooLarge) throw eventTooLarge(model);
  }
  throw hasEvents ? streamCut(model) : badResponse(model, {});
}

interface Reading {
  /** Empty when a tool call has grown: a sign of life. Undefined when there was nothing of either. */
  readonly text?: string | undefined;
  /** Why the model is done, once it is. */
  readonly finish?: string;
  readonly fault?: Fault;
}

/** What events add that came together; what stands before one that cannot be read counts. */
function readEvents(events: readonly string[], tools: ToolAssembly, model: string): Reading {
  let text: string | undefined;
  for (const data of events) {
    const reading = data.length > MAX_EVENT_CHARS ? { fault: eventTooLarge(model) } : readEvent(data, tools, model);
    if (reading.text !== undefined) text = (text ?? '') + reading.text;
    if (reading.finish !== undefined || reading.fault) return { ...reading, text };
  }
  return { text };
}

/** Some servers finish with a reason, some only with [DONE]. */
function readEvent(data: string, tools: ToolAssembly, model: string): Reading {
  if (data.trim() === '[DONE]') return { finish: 'done' };
  const json = parseJson(data);
  const word = wordOf(json);
  if (word !== undefined) return { text: word || undefined };
  const event = streamEvent.safeParse(json).data;
  if (!event) return { fault: streamMalformed(model) };
  if (event.error !== undefined && event.error !== null) return { fault: streamFailed(model) };
  // Other choices than the first are not asked for; an event without any carries usage or filter results.
  const choice = event.choices?.find((candidate) => (candidate.index ?? 0) === 0);
  const pieces = choice?.delta?.tool_calls ?? [];
  for (const piece of pieces) tools.add(piece);
  const text = choice?.delta?.content || (pieces.length > 0 ? '' : undefined);
  return { text, ...(choice?.finish_reason && { finish: choice.finish_reason }) };
}

/** Nearly every event is a word and nothing else: that is seen at a glance. Undefined for what the schema must judge. */
function wordOf(event: unknown): string | undefined {
  if (!isRecord(event) || 'error' in event || !Array.isArray(event.choices) || event.choices.length !== 1)
    return undefined;
  const choice: unknown = event.choices[0];
  if (!isRecord(choice) || choice.index !== 0 || choice.finish_reason !== null) return undefined;
  const { delta } = choice;
  if (!isRecord(delta) || 'tool_calls' in delta) return undefined;
  return typeof delta.content === 'string' ? delta.content : undefined;
}

/** Puts tool calls together from their pieces, told apart by index, or by a new id where a server sends no index. */
class ToolAssembly {
  readonly #calls = new Map<number, { id: string; name: string; arguments: string }>();
  #latest = -1;

  get isBusy(): boolean {
    return this.#calls.size > 0;
  }

  add(piece: ToolPiece): void {
    this.#latest = piece.index ?? (piece.id ? this.#latest + 1 : Math.max(0, this.#latest));
    const call = this.#calls.get(this.#latest) ?? { id: '', name: '', arguments: '' };
    this.#calls.set(this.#latest, call);
    call.id ||= piece.id ?? '';
    call.name += piece.function?.name ?? '';
    call.arguments += piece.function?.arguments ?? '';
  }

  take(): readonly ModelToolCall[] {
    const calls = [...this.#calls].sort(([a], [b]) => a - b).map(([, call]) => call);
    this.#calls.clear();
    return calls.map((call) => ({
      id: call.id || `call_${randomHex(8)}`,
      name: call.name,
      arguments: call.arguments || '{}',
    }));
  }
}

function eventTooLarge(model: string): Fault {
  return new Fault('unavailable', 'model.event_too_large', `expected events of at most ${MAX_EVENT_CHARS} characters`, {
    detail: { model },
  });
}

function streamTooLarge(model: string): Fault {
  return new Fault('unavailable', 'model.stream_too_large', `expected at most ${MAX_STREAM_BYTES} bytes in all`, {
    detail: { model },
  });
}

function toolCallCut(model: string): Fault {
  return new Fault('unavailable', 'model.tool_call_cut', 'expected whole arguments, the model ran out of tokens', {
    detail: { model },
    fixes: ["raise the provider's limit of output tokens"],
  });
}

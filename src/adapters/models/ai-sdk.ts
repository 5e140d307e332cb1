import type { ReadableStream } from 'node:stream/web';
import type { LanguageModel, ModelChunk, ModelRequest } from '../../ports/language-model.ts';
import { Fault } from '../../std/fault.ts';
import { untilAborted } from '../../std/signals.ts';
import { type AiSdkMessage, printPrompt } from './ai-sdk-prompt.ts';
import { cancelledBy, connectionFault, statusFault, streamCut, streamFailed, streamMalformed } from './faults.ts';

/** What we pass to `doStream`: the part that versions 2 to 4 of the specification share. */
export interface AiSdkCall {
  readonly prompt: AiSdkMessage[];
  readonly tools?: {
    readonly type: 'function';
    readonly name: string;
    readonly description: string;
    readonly inputSchema: Record<string, unknown>;
  }[];
  readonly abortSignal: AbortSignal;
}

/**
 * The part of the Vercel AI SDK's language models that we use, so that a model object of any of its providers fits
 * and the SDK itself is not needed at run time.
 *
 * @source @ai-sdk/provider 4.0: LanguageModelV2, V3 and V4, which are what ai 7 takes
 */
export interface AiSdkModel {
  readonly specificationVersion: 'v2' | 'v3' | 'v4';
  readonly provider: string;
  readonly modelId: string;
  doStream(options: AiSdkCall): PromiseLike<{ readonly stream: ReadableStream<{ readonly type: string }> }>;
}

const VERSIONS: readonly unknown[] = ['v2', 'v3', 'v4'] satisfies AiSdkModel['specificationVersion'][];

/** The SDK's errors for what is not the provider's protocol. */
const MALFORMED = new Set(['AI_JSONParseError', 'AI_TypeValidationError', 'AI_InvalidResponseDataError']);

/**
 * Any provider of the Vercel AI SDK, through its `doStream`: no retries, no tool loop, no telemetry of the SDK's.
 *
 * @param model a model object, e.g. `openai('gpt-4.1-mini')`; a string would go to a vendor's gateway and is refused
 * @throws Fault `model.string_refused`, `model.spec_unsupported`; from the stream those of `faults.ts`, and
 *   `model.provider_failed`
 */
export function aiSdk(model: AiSdkModel): LanguageModel {
  checkModel(model);
  const name = `${model.provider}/${model.modelId}`;

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelChunk, void, void> {
    if (signal.aborted) throw cancelledBy(signal);
    let reader: ReturnType<Awaited<ReturnType<AiSdkModel['doStream']>>['stream']['getReader']> | undefined;
    try {
      const begun = await untilAborted(Promise.resolve(model.doStream(printCall(request, signal))), signal);
      reader = begun.stream.getReader();
      for (;;) {
        const { done, value } = await untilAborted(reader.read(), signal);
        if (done) throw streamCut(name);
        const chunk = readPart(value, name);
        if (chunk) yield chunk;
        if (chunk?.kind === 'end') return;
      }
    } catch (error) {
      if (signal.aborted) throw cancelledBy(signal);
      if (error instanceof Fault) throw error;
      throw reader ? streamCut(name, error) : providerFault(name, error);
    } finally {
      reader?.cancel().catch(() => {
        // Cancelling tells the provider that nobody reads on; a stream that failed already rejects it.
      });
    }
  }

  return { name, stream };
}

function checkModel(given: unknown): void {
  if (typeof given === 'string')
    throw new Fault('invalid', 'model.string_refused', 'expected a model object, a string came', {
      detail: { given },
      effect: "would have every word sent to a gateway of the AI SDK's vendor: nobody is answered until it starts",
      fixes: ["pass the provider's model object, like openai('gpt-4.1-mini')"],
    });
  const version = fieldOf(given, 'specificationVersion');
  if (VERSIONS.includes(version) && typeof fieldOf(given, 'doStream') === 'function') return;
  throw new Fault('invalid', 'model.spec_unsupported', 'expected a language model of specification v2, v3 or v4', {
    detail: { version: String(version) },
    fixes: ['install a version of the provider that fits ai 7'],
  });
}

function printCall(request: ModelRequest, signal: AbortSignal): AiSdkCall {
  const tools = request.tools.map(({ name, description, parameters }) => ({
    type: 'function' as const,
    name,
    description,
    inputSchema: { ...parameters },
  }));
  return { prompt: printPrompt(request.messages), ...(tools.length > 0 && { tools }), abortSignal: signal };
}

/** The chunk of a part, if it has one for us; parts of later versions pass unnoticed. */
function readPart(part: { readonly type: string }, model: string): ModelChunk | undefined {
  switch (part.type) {
    case 'text-delta':
      return { kind: 'text', text: stringOf(part, 'delta') };
    case 'tool-input-start':
    case 'tool-input-delta':
      return { kind: 'text', text: '' };
    case 'tool-call':
      // A tool that the provider ran itself is its own affair.
      if (fieldOf(part, 'providerExecuted') === true) return undefined;
      return {
        kind: 'toolCall',
        call: {
          id: stringOf(part, 'toolCallId'),
          name: stringOf(part, 'toolName'),
          arguments: stringOf(part, 'input') || '{}',
        },
      };
    case 'finish':
      if (!hasReason(fieldOf(part, 'finishReason'))) throw streamCut(model);
      return { kind: 'end' };
    case 'error':
      throw partFault(model, fieldOf(part, 'error'));
    default:
      return undefined;
  }
}

/**
 * Whether the model itself gave the reason. Providers put a placeholder where the stream was cut before one came:
 * 'unknown' in version 2, 'other' without the provider's own word in versions 3 and 4.
 */
function hasReason(reason: unknown): boolean {
  if (typeof reason === 'string') return reason !== 'unknown';
  return fieldOf(reason, 'unified') !== 'other' || fieldOf(reason, 'raw') !== undefined;
}

/** Why `doStream` failed. The SDK's errors hold the request and the answer, so none is kept as a cause. */
function providerFault(model: string, error: unknown): Fault {
  const status = fieldOf(error, 'statusCode');
  if (typeof status === 'number') return statusFault(model, status, headersOf(error));
  const name = error instanceof Error ? error.name : typeof error;
  if (name === 'AI_APICallError' || name === 'TypeError') return connectionFault(model, error);
  return new Fault('unavailable', 'model.provider_failed', 'expected a stream, the provider threw', {
    detail: { model, error: name },
  });
}

function partFault(model: string, error: unknown): Fault {
  if (!(error instanceof Error)) return streamFailed(model);
  // Some providers notice themselves that the finish is missing, and have no error of its own for it.
  if (error.name === 'AI_InvalidResponseDataError' && /without a finish/.test(error.message)) return streamCut(model);
  return MALFORMED.has(error.name) ? streamMalformed(model) : streamFailed(model);
}

function headersOf(error: unknown): Record<string, string> {
  const headers = fieldOf(error, 'responseHeaders');
  if (typeof headers !== 'object' || headers === null) return {};
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function stringOf(value: unknown, name: string): string {
  const field = fieldOf(value, name);
  return typeof field === 'string' ? field : '';
}

/** A message as every provider has it. */
export type ModelMessage =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string; readonly toolCalls?: readonly ModelToolCall[] }
  | { readonly role: 'tool'; readonly toolCallId: string; readonly content: string };

export interface ModelToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text, as the model wrote it. */
  readonly arguments: string;
}

export interface ModelTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema (draft 2020-12) of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

export type ModelChunk =
  /** `text` is empty while the model writes what is not whole yet (a tool's arguments): a sign of life, not words. */
  | { readonly kind: 'text'; readonly text: string }
  /** Whole, once its arguments are complete. */
  | { readonly kind: 'toolCall'; readonly call: ModelToolCall }
  | { readonly kind: 'end' };

export interface ModelRequest {
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ModelTool[];
}

/**
 * Messages in, chunks out. A stream that ends without `{ kind: 'end' }` was cut: adapters throw then
 * (`model.stream_cut`). Aborting the signal frees the socket to the provider at once.
 */
export interface LanguageModel {
  /** Provider and model, e.g. `openai/gpt-4.1-mini`: what breakers and figures are kept by. */
  readonly name: string;
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelChunk>;
}

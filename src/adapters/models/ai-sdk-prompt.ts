import type { ModelMessage, ModelToolCall } from '../../ports/language-model.ts';

type TextPart = { readonly type: 'text'; readonly text: string };
type ToolCallPart = {
  readonly type: 'tool-call';
  readonly toolCallId: string;
  readonly toolName: string;
  readonly input: unknown;
};
type ToolResultPart = {
  readonly type: 'tool-result';
  readonly toolCallId: string;
  readonly toolName: string;
  readonly output: { readonly type: 'text'; readonly value: string };
};

/** The messages of the AI SDK's prompts, as far as we print them; the same in versions 2 to 4. */
export type AiSdkMessage =
  | { readonly role: 'system'; readonly content: string }
  | { readonly role: 'user'; readonly content: TextPart[] }
  | { readonly role: 'assistant'; readonly content: (TextPart | ToolCallPart)[] }
  | { readonly role: 'tool'; readonly content: ToolResultPart[] };

/** Prints our messages as the AI SDK's: words in parts, arguments as values, results with their tool's name. */
export function printPrompt(messages: readonly ModelMessage[]): AiSdkMessage[] {
  const toolNames = new Map<string, string>();
  return messages.map((message): AiSdkMessage => {
    switch (message.role) {
      case 'system':
        return { role: 'system', content: message.content };
      case 'user':
        return { role: 'user', content: [{ type: 'text', text: message.content }] };
      case 'assistant': {
        const calls = message.toolCalls ?? [];
        for (const call of calls) toolNames.set(call.id, call.name);
        // Some providers refuse empty words, and some a message without any part.
        const words: TextPart[] =
          message.content !== '' || calls.length === 0 ? [{ type: 'text', text: message.content }] : [];
        return { role: 'assistant', content: [...words, ...calls.map(printToolCall)] };
      }
      case 'tool': {
        const { toolCallId, content } = message;
        const toolName = toolNames.get(toolCallId) ?? 'unknown';
        return {
          role: 'tool',
          content: [{ type: 'tool-result', toolCallId, toolName, output: { type: 'text', value: content } }],
        };
      }
      default:
        return message satisfies never;
    }
  });
}

function printToolCall(call: ModelToolCall): ToolCallPart {
  return { type: 'tool-call', toolCallId: call.id, toolName: call.name, input: parseArguments(call.arguments) };
}

function parseArguments(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The model wrote no JSON, and was told so by the tool's result: the call itself stays in the conversation.
    return {};
  }
}

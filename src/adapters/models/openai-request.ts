import type { ModelMessage, ModelRequest } from '../../ports/language-model.ts';

/**
 * Prints a request as the body of `POST /chat/completions`.
 *
 * @source https://platform.openai.com/docs/api-reference/chat/create
 */
export function printRequest(model: string, request: ModelRequest): string {
  return JSON.stringify({
    model,
    stream: true,
    messages: request.messages.map(printMessage),
    // Some servers refuse an empty list.
    ...(request.tools.length > 0 && {
      tools: request.tools.map(({ name, description, parameters }) => ({
        type: 'function',
        function: { name, description, parameters },
      })),
    }),
  });
}

function printMessage(message: ModelMessage) {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.content };
    case 'assistant':
      if (!message.toolCalls?.length) return { role: 'assistant', content: message.content };
      return {
        role: 'assistant',
        content: message.content === '' ? null : message.content,
        tool_calls: message.toolCalls.map((call) => ({
          id: call.id,
          type: 'function',
          function: { name: call.name, arguments: call.arguments },
        })),
      };
    case 'tool':
      return { role: 'tool', tool_call_id: message.toolCallId, content: message.content };
    default:
      return message satisfies never;
  }
}

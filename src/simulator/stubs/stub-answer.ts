/** What the stub is asked: the messages of an OpenAI-compatible request, as much as it reads of them. */
export interface StubRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  /** Names of the tools offered. */
  readonly tools: readonly string[];
}

/** A tool the stub wants called. */
interface StubToolCall {
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
}

/** Words, or tools to be called. */
export type StubAnswer = string | { readonly toolCalls: readonly StubToolCall[] };

/** An answer that depends on the last user message alone, in two sentences, so that first and last token differ. */
export function defaultAnswer(request: StubRequest): StubAnswer {
  const asked = request.messages.findLast(({ role }) => role === 'user')?.content ?? '';
  const words = asked
    .split(/\s+/)
    .slice(0, 8)
    .join(' ')
    .replace(/[.!?]+/g, '');
  return `You asked about ${words === '' ? 'nothing' : words}. That can be arranged.`;
}

/** Reads a request body; undefined when it is none. */
export function readStubRequest(text: string): StubRequest | undefined {
  const body = parseObject(text);
  if (!body || !Array.isArray(body.messages)) return undefined;
  return {
    model: typeof body.model === 'string' ? body.model : 'stub',
    stream: body.stream === true,
    messages: body.messages.flatMap((message: unknown) => readMessage(message) ?? []),
    tools: Array.isArray(body.tools) ? body.tools.flatMap((tool: unknown) => toolName(tool) ?? []) : [],
  };
}

/** The deltas of an answer, one per token: words with their spaces, and tool calls in pieces. */
export function deltasOf(answer: StubAnswer): readonly object[] {
  if (typeof answer === 'string') {
    return (answer.match(/\S+\s*/g) ?? []).map((content) => ({ content }));
  }
  return answer.toolCalls.flatMap((call, index) => {
    const middle = Math.ceil(call.arguments.length / 2);
    const head = { index, id: `call_${index}`, type: 'function', function: { name: call.name, arguments: '' } };
    const pieces = [call.arguments.slice(0, middle), call.arguments.slice(middle)].filter((piece) => piece !== '');
    return [
      { tool_calls: [head] },
      ...pieces.map((piece) => ({ tool_calls: [{ index, function: { arguments: piece } }] })),
    ];
  });
}

/** Why an answer ends, in OpenAI's words. */
export function finishReasonOf(answer: StubAnswer): 'stop' | 'tool_calls' {
  return typeof answer === 'string' ? 'stop' : 'tool_calls';
}

function readMessage(message: unknown): { readonly role: string; readonly content: string } | undefined {
  if (typeof message !== 'object' || message === null || !('role' in message)) return undefined;
  const content = 'content' in message ? message.content : '';
  return { role: String(message.role), content: typeof content === 'string' ? content : partsText(content) };
}

/** Content may also be a list of parts; their text is joined. */
function partsText(content: unknown): string {
  if (!Array.isArray(content)) return '';
  return content
    .map((part: unknown) => (typeof part === 'object' && part !== null && 'text' in part ? String(part.text) : ''))
    .join(' ');
}

function toolName(tool: unknown): string | undefined {
  if (typeof tool !== 'object' || tool === null || !('function' in tool)) return undefined;
  const described = tool.function;
  return typeof described === 'object' && described !== null && 'name' in described
    ? String(described.name)
    : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // the stub answers 400 then
  }
}

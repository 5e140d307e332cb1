import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type Clock, sleep } from '../../std/clock.ts';
import { deltasOf, finishReasonOf, type StubAnswer, type StubRequest } from './stub-answer.ts';
import type { StubBehaviour } from './stub-behaviour.ts';

/** One request to the stub, and how it is to be answered. */
interface StubExchange {
  readonly request: StubRequest;
  readonly answer: StubAnswer;
  readonly behaviour: StubBehaviour;
  readonly response: ServerResponse;
  readonly clock: Clock;
  /** Destroys the connection on purpose. */
  readonly cut: () => void;
}

/** An endless line stops at this size: a client without bounds has lost by then. */
const ENDLESS_LINE_BYTES = 64 * 1024 * 1024;
const PIECE = 'x'.repeat(64 * 1024);

/** Answers as the behaviour says. Rejects when the client goes away; a hanging answer resolves and stays open. */
export async function respond(exchange: StubExchange, signal: AbortSignal): Promise<void> {
  const { behaviour, response } = exchange;
  switch (behaviour.kind) {
    case 'ok':
      await stream(exchange, Number.POSITIVE_INFINITY, signal);
      return;
    case 'hang':
      if (behaviour.at === 'after_headers') openStream(response);
      else if (behaviour.at !== 'before_headers') await stream(exchange, behaviour.at.afterTokens, signal);
      return;
    case 'cut':
      await stream(exchange, behaviour.afterTokens, signal);
      exchange.cut();
      return;
    case 'refuse':
      refuse(response, behaviour.status, behaviour.retryAfterSeconds);
      return;
    case 'malformed':
      await malform(exchange, behaviour.how, signal);
      return;
    default:
      behaviour satisfies never;
  }
}

/** An error as OpenAI words it. */
export function refuse(response: ServerResponse, status: number, retryAfterSeconds?: number): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(JSON.stringify({ error: { message: 'refused by the stub', type: 'stub', code: `stub_${status}` } }));
}

/** Streams so many tokens; all of them, and the end, when there are no more. */
async function stream(exchange: StubExchange, maxTokens: number, signal: AbortSignal): Promise<void> {
  const { response, request, answer, behaviour, clock } = exchange;
  const { firstTokenMs = 0, tokenMs = 0 } = behaviour.kind === 'ok' ? behaviour : {};
  if (!request.stream && maxTokens === Number.POSITIVE_INFINITY) {
    if (firstTokenMs > 0) await sleep(clock, firstTokenMs, signal);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(wholeAnswer(request, answer)));
    return;
  }
  openStream(response);
  if (firstTokenMs > 0) await sleep(clock, firstTokenMs, signal);
  const deltas = deltasOf(answer);
  for (const [index, delta] of deltas.slice(0, maxTokens).entries()) {
    if (index > 0 && tokenMs > 0) await sleep(clock, tokenMs, signal);
    await write(response, event(request, delta, null), signal);
  }
  if (maxTokens === Number.POSITIVE_INFINITY) endStream(exchange);
}

function endStream({ response, request, answer }: StubExchange): void {
  response.end(`${event(request, {}, finishReasonOf(answer))}data: [DONE]\n\n`);
}

async function malform(
  exchange: StubExchange,
  how: Extract<StubBehaviour, { kind: 'malformed' }>['how'],
  signal: AbortSignal,
): Promise<void> {
  const { response, request } = exchange;
  if (how === 'html_page') {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>');
    return;
  }
  openStream(response);
  await write(response, event(request, { content: 'One ' }, null), signal);
  if (how === 'bad_json') {
    await write(response, 'data: {"choices":[{"delta":{"content":"oh\n\n', signal);
    endStream(exchange);
    return;
  }
  await write(response, 'data: ', signal);
  for (let sent = 0; sent < ENDLESS_LINE_BYTES; sent += PIECE.length) await write(response, PIECE, signal);
  exchange.cut();
}

function openStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
}

async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!response.write(text)) await once(response, 'drain', { signal });
}

function event(request: StubRequest, delta: object, finishReason: string | null): string {
  const chunk = {
    id: 'chatcmpl-stub',
    object: 'chat.completion.chunk',
    created: 0,
    model: request.model,
    choices: [{ index: 0, delta, finish_reason: finishReason }],
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function wholeAnswer(request: StubRequest, answer: StubAnswer): object {
  const message =
    typeof answer === 'string'
      ? { role: 'assistant', content: answer }
      : {
          role: 'assistant',
          content: null,
          tool_calls: answer.toolCalls.map((call, index) => ({
            id: `call_${index}`,
            type: 'function',
            function: { name: call.name, arguments: call.arguments },
          })),
        };
  return {
    id: 'chatcmpl-stub',
    object: 'chat.completion',
    created: 0,
    model: request.model,
    choices: [{ index: 0, message, finish_reason: finishReasonOf(answer) }],
    usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
  };
}

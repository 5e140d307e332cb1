import type { Dispatcher } from 'undici';
import type { LanguageModel, ModelChunk, ModelRequest } from '../../ports/language-model.ts';
import { Fault } from '../../std/fault.ts';
import { lazily } from '../../std/lazily.ts';
import { badResponse, cancelledBy, connectionFault, statusFault, streamCut } from './faults.ts';
import { type HttpAnswer, post } from './http-exchange.ts';
import { printRequest } from './openai-request.ts';
import { readChunks } from './openai-stream.ts';

export interface OpenAiCompatibleOptions {
  /** Up to and including the version, e.g. `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  /** Sent as a bearer token; a local server may need none. */
  readonly apiKey?: string | undefined;
  readonly model: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Replaces our own pool of connections and its limits: a proxy, a client certificate. */
  readonly dispatcher?: Dispatcher;
}

/**
 * Any provider with OpenAI's chat completions, streamed, over our own small client: a fifth of the CPU time per
 * stream of the general ones. Waits are bounded by whoever aborts the signal (`agent/model-guard.ts`); only the
 * connection has its own limit here, 500 ms. Aborting destroys the socket, since providers go on generating, and
 * charging, for a request that merely is not read.
 *
 * @throws Fault `model.bad_base_url`, `model.bad_key`; from the stream `model.unreachable`, `model.connection_lost`,
 *   `model.headers_timeout`, `model.bad_response`, those of a status (`statusFault`) and of a stream (`readChunks`)
 */
export function openAiCompatible(options: OpenAiCompatibleOptions): LanguageModel {
  const url = completionsUrl(options.baseUrl);
  const name = `${providerOf(url)}/${options.model}`;
  const headers = {
    ...options.headers,
    ...bearer(options.apiKey),
    'content-type': 'application/json',
    accept: 'text/event-stream',
  };
  // undici is 100 files that a start need not wait for: loaded with the first request, or before it by the variant.
  const pool = lazily(async () => (await import('./http-pool.ts')).createPool());

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelChunk, void, void> {
    const answer = await begin(printRequest(options.model, request), signal);
    let isWhole = false;
    try {
      checkAnswer(name, answer);
      for await (const chunk of readChunks(answer.pieces, name)) {
        isWhole = chunk.kind === 'end';
        yield chunk;
      }
    } catch (error) {
      if (signal.aborted) throw cancelledBy(signal);
      throw error instanceof Fault ? error : streamCut(name, error);
    } finally {
      // A refusal is short: retries under a rate limit keep their connection.
      if (isWhole || answer.statusCode !== 200) answer.giveBack();
      else answer.drop();
    }
  }

  async function begin(body: string, signal: AbortSignal): Promise<HttpAnswer> {
    if (signal.aborted) throw cancelledBy(signal);
    try {
      return await post(options.dispatcher ?? (await pool()), { url, headers, body }, signal);
    } catch (error) {
      throw signal.aborted ? cancelledBy(signal) : connectionFault(name, error);
    }
  }

  return { name, stream };
}

/** A refusal, an error page or JSON instead of a stream; unusual types are read, and judged by what they hold. */
function checkAnswer(name: string, { statusCode, headers }: HttpAnswer): void {
  if (statusCode !== 200) throw statusFault(name, statusCode, headers);
  const contentType = String(headers['content-type'] ?? '').toLowerCase();
  if (/html|json|xml/.test(contentType)) throw badResponse(name, { status: statusCode, contentType });
}

function completionsUrl(baseUrl: string): URL {
  const url = URL.parse(`${baseUrl.trim().replace(/\/+$/, '')}/chat/completions`);
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw new Fault('invalid', 'model.bad_base_url', 'expected a base URL like https://api.openai.com/v1', {
    fixes: ['set the base URL of the model with its http:// or https://'],
  });
}

/** `api.openai.com` is openai; a host that is no domain name stands for itself. */
function providerOf(url: URL): string {
  if (/^[\d.]+$|[[\]:]/.test(url.hostname)) return url.hostname;
  return url.hostname.split('.').at(-2) ?? url.hostname;
}

function bearer(apiKey: string | undefined): Readonly<Record<string, string>> {
  const key = apiKey?.trim();
  if (!key) return {};
  if (/^[\x21-\x7e]+$/.test(key)) return { authorization: `Bearer ${key}` };
  throw new Fault('invalid', 'model.bad_key', 'expected a key of printable ASCII characters, others were in it', {
    fixes: ['copy the key again, without quotes or line breaks'],
  });
}

import type { Dispatcher } from 'undici';
import type { LanguageModel, ModelChunk, ModelRequest } from '../../ports/language-model.ts';
import { systemClock } from '../../std/clock.ts';
import { Fault } from '../../std/fault.ts';
import { lazily } from '../../std/lazily.ts';
import { badResponse, cancelledBy, connectionFault, statusFault, streamCut } from './faults.ts';
import { printRequest } from './openai-request.ts';
import { MAX_STREAM_BYTES, readChunks } from './openai-stream.ts';

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

/** After a whole answer the server has this long to end the response; then the socket is not worth keeping. */
const GIVE_BACK_MS = 100;

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
  const transport = lazily(() => openTransport(options.dispatcher));

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelChunk, void, void> {
    const response = await begin(printRequest(options.model, request), signal);
    const { body } = response;
    let isWhole = false;
    try {
      checkAnswer(name, response);
      for await (const chunk of readChunks(body.iterator({ destroyOnReturn: false }), name)) {
        isWhole = chunk.kind === 'end';
        yield chunk;
      }
    } catch (error) {
      if (signal.aborted) throw cancelledBy(signal);
      throw error instanceof Fault ? error : streamCut(name, error);
    } finally {
      if (isWhole) giveBack(body);
      else body.destroy();
    }
  }

  async function begin(body: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    if (signal.aborted) throw cancelledBy(signal);
    try {
      const { request, dispatcher } = await transport();
      const response = await request(url, { method: 'POST', headers, body, signal, dispatcher });
      response.body.on('error', () => {
        // Whoever reads the body hears of it there; without a listener Node would end the process.
      });
      return response;
    } catch (error) {
      throw signal.aborted ? cancelledBy(signal) : connectionFault(name, error);
    }
  }

  return { name, stream };
}

/** undici is 100 files that a start need not wait for: loaded with the first request, or before it by the variant. */
async function openTransport(given: Dispatcher | undefined) {
  const [{ request }, { createPool }] = await Promise.all([import('undici'), import('./http-pool.ts')]);
  return { request, dispatcher: given ?? createPool() };
}

/** A refusal, an error page or JSON instead of a stream; unusual types are read, and judged by what they hold. */
function checkAnswer(name: string, { statusCode, headers }: Dispatcher.ResponseData): void {
  if (statusCode !== 200) throw statusFault(name, statusCode, headers);
  const contentType = String(headers['content-type'] ?? '').toLowerCase();
  if (/html|json|xml/.test(contentType)) throw badResponse(name, { status: statusCode, contentType });
}

/** Reads what is left of a whole answer, so that the next turn finds the connection open. */
function giveBack(body: Dispatcher.ResponseData['body']): void {
  const cancel = systemClock.after(GIVE_BACK_MS, () => body.destroy());
  body
    .dump({ limit: MAX_STREAM_BYTES })
    .catch(() => {
      // The answer is complete; a connection lost now is merely not reused.
    })
    .finally(cancel);
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

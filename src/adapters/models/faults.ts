import { Fault } from '../../std/fault.ts';

/** A connection that stood and was then taken away, as opposed to one that was never made. */
const LOST = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
/** What answered does not speak HTTP as we know it. */
const NOT_HTTP = new Set(['HTTPParserError', 'HeadersOverflowError']);

/** The reason of an aborted signal, as a Fault. */
export function cancelledBy(signal: AbortSignal): Fault {
  if (signal.reason instanceof Fault) return signal.reason;
  return new Fault('cancelled', 'model.cancelled', 'expected to finish, the stream was cancelled');
}

/**
 * What a provider's refusal means. Neither the body (it may repeat the prompt) nor the key is ever in it.
 *
 * @param headers of the answer, names in lower case; `retry-after` in seconds and `retry-after-ms` are understood
 */
export function statusFault(
  model: string,
  status: number,
  headers: Readonly<Record<string, string | readonly string[] | undefined>> = {},
): Fault {
  const detail = { model, status };
  const came = `the provider answered ${status}`;
  if (status === 401 || status === 403)
    return new Fault('unauthenticated', 'model.key_refused', `expected the key to be accepted, ${came}`, {
      detail,
      effect: 'hear the fallback line at every turn',
      fixes: ['check the key of this model and that it may use the model'],
    });
  if (status === 402)
    return new Fault('exhausted', 'model.payment_required', `expected an account with credit, ${came}`, { detail });
  if (status === 404)
    return new Fault('not_found', 'model.not_found', `expected the model to exist, ${came}`, {
      detail,
      fixes: ['check the model name', 'check the base URL: it usually ends in /v1'],
    });
  if (status === 429)
    return new Fault('exhausted', 'model.rate_limited', `expected to be within the provider's limits, ${came}`, {
      detail: { ...detail, retryAfterMs: retryAfterMs(headers) },
    });
  if (status === 408 || status >= 500)
    return new Fault('unavailable', 'model.unavailable', `expected a stream, ${came}`, { detail });
  if (status >= 400)
    return new Fault('invalid', 'model.request_refused', `expected the request to be accepted, ${came}`, { detail });
  return badResponse(model, { status });
}

/** An answer that is not a stream of events: an error page, a proxy's login, another protocol. */
export function badResponse(model: string, detail: { readonly status?: number; readonly contentType?: string }): Fault {
  return new Fault('unavailable', 'model.bad_response', 'expected a stream of events, something else came', {
    detail: { model, ...detail },
    fixes: ['check the base URL: it usually ends in /v1'],
  });
}

/** Why no answer to the request came at all, from the network's error. */
export function connectionFault(model: string, error: unknown): Fault {
  const code = errorCode(error);
  const detail = { model, code };
  if (error instanceof Error && NOT_HTTP.has(error.name)) return badResponse(model, {});
  if (code === 'UND_ERR_HEADERS_TIMEOUT')
    return new Fault('timeout', 'model.headers_timeout', 'expected an answer to begin, none came', { detail });
  if (code !== undefined && LOST.has(code))
    return new Fault('unavailable', 'model.connection_lost', 'expected an answer, the connection was lost before it', {
      detail,
    });
  return new Fault('unavailable', 'model.unreachable', 'expected a connection to the provider, none could be made', {
    detail,
  });
}

/** The stream stopped before the model said it was done. */
export function streamCut(model: string, error?: unknown): Fault {
  return new Fault('unavailable', 'model.stream_cut', 'expected the stream to end with a finish, it was cut', {
    detail: { model, code: errorCode(error) },
  });
}

/** The provider reported an error inside a stream that had begun well. */
export function streamFailed(model: string): Fault {
  return new Fault('unavailable', 'model.stream_failed', 'expected words, the provider reported an error midway', {
    detail: { model },
  });
}

/** An event that is not what the protocol says. The parser's own error quotes the text, so it is not kept as a cause. */
export function streamMalformed(model: string): Fault {
  return new Fault('unavailable', 'model.stream_malformed', 'expected JSON of the known shape, other text came', {
    detail: { model },
  });
}

/** The error's code, or that of what caused it: fetch hides the network's error one level down. */
function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  // A host with several addresses fails with one error for each.
  return errorCode(error instanceof AggregateError ? error.errors[0] : error.cause);
}

function retryAfterMs(headers: Readonly<Record<string, string | readonly string[] | undefined>>): number | undefined {
  const exact = Number.parseFloat(String(headers['retry-after-ms'] ?? ''));
  if (exact >= 0) return exact;
  const seconds = Number(String(headers['retry-after'] ?? '').trim() || Number.NaN);
  return seconds >= 0 ? seconds * 1_000 : undefined;
}

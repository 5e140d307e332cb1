import { APIError } from 'retell-sdk';
import { Fault } from '../../std/fault.ts';

/** Errors of a connection that never stood: nothing can have been sent over it. */
const NEVER_CONNECTED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.*|.*CERT.*|UNABLE_TO_VERIFY_.*)$/;

/** What Retell says, under no documented status, when the workspace has as many calls as it may. */
const CONCURRENCY = /concurren[^"]{0,60}(limit|reach|exceed)|(limit|reach|exceed)[^"]{0,60}concurren/i;

/**
 * What a failed request without an effect means. Bodies are left out: Retell's errors repeat what was sent, which
 * holds phone numbers.
 */
export function readFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const status = statusOf(error);
  if (status === undefined) return unavailable({ code: codeOf(error) });
  // What is retried and still fails is an outage, whatever its number: 408 and 409 are of the server's making too.
  if (status !== 408 && status !== 409 && status < 500) return refusal(status, error);
  return unavailable({ status, retryAfterMs: retryAfterMs(error) });
}

/**
 * What a failed POST with an effect means: refused, never sent, or unknown. Retell's SDK carries no idempotency key,
 * so an unknown outcome must be looked up before anything is repeated.
 */
export function effectFault(error: unknown): Fault {
  const status = statusOf(error);
  if (status === undefined) {
    const code = codeOf(error);
    return code !== undefined && NEVER_CONNECTED.test(code) ? unavailable({ code }) : outcomeUnknown({ code }, error);
  }
  const isRefused = status >= 400 && status < 500 && status !== 408 && status !== 409;
  return isRefused ? refusal(status, error) : outcomeUnknown({ status }, error);
}

/** The request may have taken effect: a person may have been dialled. */
export function outcomeUnknown(
  detail: { readonly status?: number; readonly code?: string | undefined; readonly expected?: string },
  error?: unknown,
): Fault {
  return new Fault('timeout', 'retell.outcome_unknown', 'expected to hear whether it was done, did not', {
    detail,
    ...(error instanceof Fault && { cause: error }),
    effect: 'may have been dialled, or hung up on',
    fixes: ['look the call up in Retell before repeating the request'],
  });
}

/** Retell's answer is none that its documentation knows. */
export function badResponse(expected: string): Fault {
  return new Fault('unavailable', 'retell.bad_response', `expected ${expected}, something else came`);
}

/** A call could not be looked for to the end, so that nobody can say there is none. */
export function tooManyCalls(searched: number): Fault {
  return new Fault(
    'unavailable',
    'retell.too_many_calls',
    `expected the call among the newest ${searched}, it was not`,
    {
      detail: { searched },
      effect: 'may have been dialled: the order stays unknown and is not dialled again',
      fixes: ['look the order up at Retell by offhook_dial in the metadata of its call'],
    },
  );
}

function refusal(status: number, error: unknown): Fault {
  const detail = { status };
  const came = `Retell answered ${status}`;
  if (status === 401 || status === 403)
    return new Fault('unauthenticated', 'retell.key_refused', `expected the key to be accepted, ${came}`, {
      detail,
      effect: 'nobody can be dialled or hung up on; calls in progress go on',
      fixes: ['check RETELL_API_KEY and the scopes of the key'],
    });
  if (error instanceof APIError && CONCURRENCY.test(error.message))
    return new Fault('exhausted', 'retell.concurrency_reached', `expected room in the workspace, ${came}`, {
      detail: { ...detail, retryAfterMs: retryAfterMs(error) },
      effect: 'those to be dialled wait until a call of the workspace ends',
      fixes: ['nothing, unless it lasts: buy concurrency at Retell, or reserve less of it for inbound calls'],
    });
  if (status === 402)
    return new Fault('exhausted', 'retell.payment_required', `expected an account in good standing, ${came}`, {
      detail,
      effect: 'nobody can be dialled; calls in progress go on',
      fixes: ['check the payment method of the Retell account'],
    });
  if (status === 404) return new Fault('not_found', 'retell.not_found', `expected it to exist, ${came}`, { detail });
  if (status === 429)
    return new Fault('exhausted', 'retell.rate_limited', `expected to be within Retell's limits, ${came}`, {
      detail: { ...detail, retryAfterMs: retryAfterMs(error) },
    });
  return new Fault('invalid', 'retell.refused', `expected the request to be accepted, ${came}`, {
    detail,
    fixes: ['check that both numbers are in E.164 format and the first is yours', 'check the agent id'],
  });
}

function unavailable(detail: {
  readonly status?: number;
  readonly code?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}): Fault {
  return new Fault('unavailable', 'retell.unavailable', 'expected Retell to answer, it did not', {
    detail,
    effect: 'calls in progress go on',
  });
}

function statusOf(error: unknown): number | undefined {
  return error instanceof APIError && typeof error.status === 'number' ? error.status : undefined;
}

/** The network's own code, under the SDK's and fetch's errors; a host with several addresses has one error for each. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return codeOf(error instanceof AggregateError ? error.errors[0] : error.cause);
}

function retryAfterMs(error: unknown): number | undefined {
  const headers = error instanceof APIError ? error.headers : undefined;
  const exact = Number(headers?.get('retry-after-ms') || Number.NaN);
  if (exact >= 0) return exact;
  const seconds = Number(headers?.get('retry-after') || Number.NaN);
  return seconds >= 0 ? seconds * 1_000 : undefined;
}

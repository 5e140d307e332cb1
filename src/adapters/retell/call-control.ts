import { Retell } from 'retell-sdk';
import { z } from 'zod';
import { parseCallId } from '../../call/call.ts';
import type { CallControl, PlaceCall, RemoteCall } from '../../ports/call-control.ts';
import { type Clock, sleep, systemClock } from '../../std/clock.ts';
import { Fault, toFault } from '../../std/fault.ts';
import { withDeadline } from '../../std/signals.ts';
import { effectFault, outcomeUnknown, readFault } from './faults.ts';

export interface RetellCallControlOptions {
  readonly apiKey: string;
  /** Default `https://api.retellai.com`. */
  readonly baseUrl?: string;
  /** Longest wait for one request. Default 10,000. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** What we read of Retell's call object; the rest may be anything. */
const remoteCall = z.object({
  call_id: z.string().transform((id) => parseCallId(id)),
  call_status: z.string(),
  agent_id: z.string().nullish(),
});

/** Waits before a GET is repeated; what has an effect is never repeated. */
const READ_RETRY_DELAYS_MS = [250, 1_000] as const;
/** Whoever wants more patience of us than this is not waited for. */
const LONGEST_RETRY_DELAY_MS = 2_000;

/**
 * Retell's REST through its SDK, with the SDK's retries off where a POST has an effect: left on, it dials a person
 * three times when Retell answers 500, since it sends no idempotency key.
 *
 * @throws Fault `retell.key_refused`, `retell.payment_required`, `retell.not_found`, `retell.refused`,
 *   `retell.rate_limited`, `retell.unavailable`, `retell.timeout`, `retell.bad_response`; from `place` and `end` also
 *   `retell.outcome_unknown`, when cancelled after the request began too
 */
export function retellCallControl(options: RetellCallControlOptions): CallControl {
  const { apiKey, baseUrl = 'https://api.retellai.com', timeoutMs = 10_000, clock = systemClock } = options;
  const retell = new Retell({
    apiKey,
    // Given, so that the SDK does not read the environment; logs off, since its debug log prints bodies.
    baseURL: baseUrl,
    logLevel: 'off',
    timeout: timeoutMs,
    // Also for GETs: the SDK sleeps as long as Retell tells it to, and no signal wakes it.
    maxRetries: 0,
    // A redirected POST would be sent twice.
    fetchOptions: { redirect: 'manual' },
  });

  /** Runs a POST once. The deadline also covers the body of the answer, which the SDK's own does not. */
  async function effect<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal.aborted) throw toFault(signal.reason);
    try {
      return await withDeadline(clock, timeoutMs, 'retell.timeout', signal, work);
    } catch (error) {
      throw effectFault(error);
    }
  }

  /** Runs a GET, up to three times while Retell is unavailable or wants a little patience. */
  async function read<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal.aborted) throw toFault(signal.reason);
    const tries = 1 + READ_RETRY_DELAYS_MS.length;
    return withDeadline(clock, timeoutMs * tries, 'retell.timeout', signal, async (within) => {
      for (const delayMs of READ_RETRY_DELAYS_MS) {
        try {
          return await work(within);
        } catch (error) {
          const fault = readFault(error);
          const waitMs = Number(fault.detail.retryAfterMs ?? delayMs);
          if (!isPassing(fault) || waitMs > LONGEST_RETRY_DELAY_MS) throw fault;
          await sleep(clock, waitMs, within);
        }
      }
      return work(within).catch((error: unknown) => {
        throw readFault(error);
      });
    }).catch((error: unknown) => {
      throw toFault(error);
    });
  }

  return {
    async place(call, signal) {
      const answer = await effect(signal, (signal) => retell.call.createPhoneCall(printCall(call), { signal }));
      const placed = parseRemoteCall(answer);
      // It was accepted, so someone is being dialled, but under which id nobody can say.
      if (!placed) throw outcomeUnknown({ expected: 'a call id in the answer' });
      return placed;
    },

    async fetch(callId, signal) {
      try {
        const fetched = await read(signal, (signal) => retell.call.retrieve(callId, { signal }));
        return parseRemoteCall(fetched) ?? badResponse();
      } catch (error) {
        if (error instanceof Fault && error.reason === 'retell.not_found') return undefined;
        throw error;
      }
    },

    async end(callId, signal) {
      await effect(signal, (signal) => retell.call.stop(callId, { signal }));
    },
  };
}

function isPassing(fault: Fault): boolean {
  return fault.reason === 'retell.unavailable' || fault.reason === 'retell.rate_limited';
}

function printCall(call: PlaceCall): Retell.CallCreatePhoneCallParams {
  return {
    from_number: call.fromNumber,
    to_number: call.toNumber,
    ...(call.agentId !== undefined && { override_agent_id: call.agentId }),
    ...(call.variables && { retell_llm_dynamic_variables: { ...call.variables } }),
    ...(call.metadata && { metadata: call.metadata }),
  };
}

function parseRemoteCall(answer: unknown): RemoteCall | undefined {
  const parsed = remoteCall.safeParse(answer);
  if (!parsed.success || !parsed.data.call_id) return undefined;
  const { call_id: callId, call_status: status, agent_id: agentId } = parsed.data;
  return { callId, status, agentId: agentId ?? undefined };
}

function badResponse(): never {
  throw new Fault('unavailable', 'retell.bad_response', 'expected a call object with an id, something else came');
}

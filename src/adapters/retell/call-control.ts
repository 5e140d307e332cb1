import { Retell } from 'retell-sdk';
import type { CallControl, PlaceCall } from '../../ports/call-control.ts';
import { type Clock, sleep, systemClock } from '../../std/clock.ts';
import { Fault, toFault } from '../../std/fault.ts';
import { withDeadline } from '../../std/signals.ts';
import { badResponse, effectFault, outcomeUnknown, readFault, tooManyCalls } from './faults.ts';
import { concurrency, listedAgent, page, parseMarks, parseRemoteCall } from './remote-call.ts';

export interface RetellCallControlOptions {
  readonly apiKey: string;
  /** Default `https://api.retellai.com`. */
  readonly baseUrl?: string;
  /** Longest wait for one request. Default 10,000. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** Waits before a question is repeated; what has an effect is never repeated. */
const READ_RETRY_DELAYS_MS = [250, 1_000] as const;
/** Whoever wants more patience of us than this is not waited for. */
const LONGEST_RETRY_DELAY_MS = 2_000;
/** Statuses of a call that is over. One that is `registered` may still ring. */
const OVER: ('not_connected' | 'ended' | 'error')[] = ['not_connected', 'ended', 'error'];
const PAGE = 100;
/** Of one list; a workspace with more calls than this since a dial is not searched to the end. */
const MAX_PAGES = 10;
/** Retell dates a call by its own clock. */
const CLOCK_SKEW_MS = 300_000;

/**
 * Retell's REST through its SDK, with the SDK's retries off where a POST has an effect: left on, it dials a person
 * three times when Retell answers 500, since it sends no idempotency key.
 *
 * @throws Fault `retell.key_refused`, `retell.payment_required`, `retell.not_found`, `retell.refused`,
 *   `retell.concurrency_reached`, `retell.rate_limited`, `retell.unavailable`, `retell.timeout`, `retell.bad_response`; from `place` and `end` also
 *   `retell.outcome_unknown`, when cancelled after the request began too; from `findByMetadata` `retell.too_many_calls`
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

  /** Asks what has no effect, up to three times while Retell is unavailable or wants a little patience. */
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

  /** Reads a list page by page, until it ends, `isEnough` says so, or it is too long to be read on. */
  async function readPages(
    signal: AbortSignal,
    ask: (key: { readonly pagination_key?: string }, signal: AbortSignal) => Promise<unknown>,
    isEnough: (items: readonly unknown[]) => boolean,
  ): Promise<'whole' | 'cut'> {
    let key = {};
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const answer = page.safeParse(await read(signal, (signal) => ask(key, signal)));
      if (!answer.success) throw badResponse('a page of a list');
      const { items, has_more: hasMore, pagination_key } = answer.data;
      if (isEnough(items) || !hasMore) return 'whole';
      if (typeof pagination_key !== 'string') break;
      key = { pagination_key };
    }
    return 'cut';
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
        const call = parseRemoteCall(fetched);
        if (call) return call;
      } catch (error) {
        if (error instanceof Fault && error.reason === 'retell.not_found') return undefined;
        throw error;
      }
      throw badResponse('a call object with an id');
    },

    async end(callId, signal) {
      await effect(signal, (signal) => retell.call.stop(callId, { signal }));
    },

    async findByMetadata(field, value, sinceMs, signal) {
      const filter_criteria = { metadata: [{ type: 'string' as const, op: 'eq' as const, key: field, value }] };
      let found: unknown;
      // Judged here too: what a list brings is not taken on trust where the answer decides about a dial.
      const isEnough = (items: readonly unknown[]) => {
        found = items.find((item) => parseMarks(item, field).mark === value);
        const oldest = parseMarks(items.at(-1), field).startedAt;
        return found !== undefined || (oldest !== undefined && oldest < sinceMs - CLOCK_SKEW_MS);
      };
      const ask = (key: object, signal: AbortSignal) =>
        retell.call.list({ filter_criteria, sort_order: 'descending', limit: PAGE, ...key }, { signal });
      if ((await readPages(signal, ask, isEnough)) === 'cut') throw tooManyCalls(PAGE * MAX_PAGES);
      if (found === undefined) return undefined;
      const call = parseRemoteCall(found);
      if (!call) throw badResponse('a listed call to have an id');
      return call;
    },

    async ended(callIds, signal) {
      if (callIds.length === 0) return [];
      const filter_criteria = {
        call_id: { type: 'enum' as const, op: 'in' as const, value: [...callIds] },
        call_status: { type: 'enum' as const, op: 'in' as const, value: OVER },
      };
      const asked: ReadonlySet<string> = new Set(callIds);
      const over: ReadonlySet<string> = new Set(OVER);
      const answer = page.safeParse(
        await read(signal, (signal) => retell.call.list({ filter_criteria, limit: PAGE }, { signal })),
      );
      if (!answer.success) throw badResponse('a page of a list');
      const calls = answer.data.items.flatMap((item) => parseRemoteCall(item) ?? []);
      return calls.filter(({ callId, status }) => asked.has(callId) && over.has(status));
    },

    async concurrency(signal) {
      const answer = concurrency.safeParse(await read(signal, (signal) => retell.concurrency.retrieve({ signal })));
      if (!answer.success) throw badResponse('the concurrency and its limit');
      return { current: answer.data.current_concurrency, limit: answer.data.concurrency_limit };
    },

    async agents(signal) {
      const listed: unknown[] = [];
      const ask = (key: object, signal: AbortSignal) => retell.agent.list({ limit: PAGE, ...key }, { signal });
      const keep = (items: readonly unknown[]) => {
        listed.push(...items);
        return false;
      };
      await readPages(signal, ask, keep);
      const agents = listed.flatMap((item) => listedAgent.safeParse(item).data ?? []);
      return agents
        .filter(({ channel }) => channel !== 'chat')
        .map(({ agent_id: id, agent_name: name }) => ({ id, name: name ?? '' }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
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

import { Agent, type Dispatcher, request } from 'undici';
import { sign } from '../retell/signature.ts';
import { type Clock, sleep } from '../std/clock.ts';
import { linkedController } from '../std/signals.ts';
import type { Switches } from './switches.ts';
import { type Target, webUrl } from './urls.ts';

/** The lifecycle events that are simulated. */
export type LifecycleEvent = 'call_started' | 'call_ended' | 'call_analyzed' | 'transcript_updated';

/** Retell's account of a call, as much of it as its webhooks bring. */
export interface CallAccount {
  readonly callId: string;
  readonly agentId: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly disconnectionReason?: string;
  readonly transcript: readonly { readonly role: string; readonly content: string }[];
}

/** What became of one webhook: the answer that settled it, or undefined when none was accepted. */
export interface Delivery {
  readonly isAccepted: boolean;
  readonly attempts: number;
  /** Status and body of the last answer; undefined when there was none. */
  readonly answer: { readonly status: number; readonly body: string } | undefined;
  /** The last attempt alone. */
  readonly tookMs: number;
}

/** Where to, signed with what. */
interface SenderOptions {
  readonly target: Target;
  /** Signs every request; without it requests go unsigned, which a server must refuse. */
  readonly key: string | undefined;
  readonly clock: Clock;
  readonly switches: Switches;
  /** Retell's default is 10 s. */
  readonly timeoutMs?: number;
}

/** An open sender; close it to free its connections. */
export interface WebhookSender {
  /** One lifecycle event, delivered until a 2xx comes or the attempts are spent. Never throws for an answer. */
  lifecycle(event: LifecycleEvent, call: CallAccount, signal: AbortSignal): Promise<Delivery>;
  /** Asks what to do with a call that rings, before its socket. */
  inbound(call: InboundCall, signal: AbortSignal): Promise<Delivery>;
  /** Runs one of the server's tools, as an agent built with Retell's own model would. */
  callFunction(name: string, args: object, call: CallAccount, signal: AbortSignal): Promise<Delivery>;
  close(): Promise<void>;
}

/** A call that rings. */
interface InboundCall {
  readonly fromNumber: string;
  readonly toNumber: string;
  readonly agentId?: string;
  /** Left out in the position `absent` of the switch `inboundCallId`. */
  readonly callId: string;
}

const TIMEOUT_MS = 10_000;

/** Sends what Retell sends over HTTP, signed, and again when it is not accepted. */
export function openSender(options: SenderOptions): WebhookSender {
  const { target, switches, clock } = options;
  const dispatcher = new Agent({ connections: 16, pipelining: 1 });
  const deliver = (path: string, body: object, attempts: number, signal: AbortSignal) =>
    deliverUntilAccepted(options, dispatcher, webUrl(target, path), JSON.stringify(body), attempts, signal);
  return {
    lifecycle: (event, call, signal) =>
      deliver('/webhooks/retell', lifecycleBody(event, call), Number(switches.webhookAttempts), signal),
    inbound: (call, signal) =>
      deliver(
        '/webhooks/retell/inbound',
        inboundBody(call, switches, clock.wall()),
        Number(switches.webhookAttempts),
        signal,
      ),
    // Retell does not repeat a function unless told to.
    callFunction: (name, args, call, signal) =>
      deliver(`/functions/${encodeURIComponent(name)}`, { name, args, call: callObject(call) }, 1, signal),
    close: () => dispatcher.close(),
  };
}

/** The envelope of a lifecycle event. `call_status` is stale on purpose, as in Retell's own samples. */
function lifecycleBody(event: LifecycleEvent, call: CallAccount): object {
  return {
    event,
    call: {
      ...callObject(call),
      ...(event === 'call_analyzed' && {
        call_analysis: { call_summary: 'Simulated.', call_successful: true, user_sentiment: 'Neutral' },
      }),
    },
    ...(event === 'transcript_updated' && { transcript_with_tool_calls: call.transcript }),
  };
}

function callObject(call: CallAccount): object {
  const lines = call.transcript.map(({ role, content }) => `${role === 'agent' ? 'Agent' : 'User'}: ${content}\n`);
  return {
    call_id: call.callId,
    call_type: 'phone_call',
    agent_id: call.agentId,
    call_status: 'registered',
    direction: 'inbound',
    from_number: '+15550100',
    to_number: '+15550199',
    start_timestamp: Math.round(call.startedAt),
    ...(call.endedAt !== undefined && {
      end_timestamp: Math.round(call.endedAt),
      duration_ms: Math.round(call.endedAt - call.startedAt),
    }),
    ...(call.disconnectionReason !== undefined && { disconnection_reason: call.disconnectionReason }),
    transcript: lines.join(''),
    transcript_object: call.transcript,
  };
}

function inboundBody(call: InboundCall, switches: Switches, atMs: number): object {
  return {
    event: 'call_inbound',
    event_timestamp: Math.round(atMs),
    call_inbound: {
      from_number: call.fromNumber,
      to_number: call.toNumber,
      ...(call.agentId !== undefined && { agent_id: call.agentId }),
      ...(switches.inboundCallId === 'same' && { call_id: call.callId }),
    },
  };
}

async function deliverUntilAccepted(
  options: SenderOptions,
  dispatcher: Dispatcher,
  url: string,
  body: string,
  attempts: number,
  signal: AbortSignal,
): Promise<Delivery> {
  for (let attempt = 1; ; attempt++) {
    const startedAt = options.clock.now();
    const answer = await deliverOnce(options, dispatcher, url, body, signal);
    const tookMs = options.clock.now() - startedAt;
    const isAccepted = answer !== undefined && answer.status >= 200 && answer.status < 300;
    if (isAccepted || attempt >= attempts) return { isAccepted, attempts: attempt, answer, tookMs };
    await sleep(options.clock, options.switches.webhookSpacing === 'short' ? 250 : 1_000 * 2 ** (attempt - 1), signal);
  }
}

async function deliverOnce(
  { key, clock, timeoutMs = TIMEOUT_MS }: SenderOptions,
  dispatcher: Dispatcher,
  url: string,
  body: string,
  signal: AbortSignal,
): Promise<Delivery['answer']> {
  const { controller, dispose } = linkedController(signal);
  const cancelTimeout = clock.after(timeoutMs, () => controller.abort());
  try {
    const response = await request(url, {
      method: 'POST',
      dispatcher,
      signal: controller.signal,
      headers: {
        'content-type': 'application/json',
        ...(key !== undefined && { 'x-retell-signature': sign(body, key, clock.wall()) }),
      },
      body,
    });
    return { status: response.statusCode, body: await response.body.text() };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return undefined; // no answer is an outcome here: Retell counts it as not accepted
  } finally {
    cancelTimeout();
    dispose();
  }
}
